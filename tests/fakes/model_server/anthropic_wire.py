"""Anthropic's Messages API."""

from typing import Any

from tests.fakes.model_server import wire
from tests.fakes.model_server.plan import Answer, Failure, words
from tests.fakes.model_server.request import Asked
from tests.fakes.model_server.wire import Frame, sse

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicWire:
    def __init__(self, asked: Asked, answer: Answer) -> None:
        self.asked, self.answer = asked, answer
        self.blocks = wire.with_ids(answer, "toolu_")
        self.id = wire.identifier("msg_")

    def _event(self, kind: str, token: bool = False, **more: Any) -> Frame:
        return Frame(sse({"type": kind, **more}, kind), token)

    def _usage(self) -> dict[str, int]:
        given = self.answer.usage
        return {
            "input_tokens": given.get("input_tokens", wire.INPUT_TOKENS),
            "cache_creation_input_tokens": given.get("cache_creation_input_tokens", 0),
            "cache_read_input_tokens": given.get("cache_read_input_tokens", self.answer.cached),
        }

    def _message(self, content: list[dict[str, Any]], stop: str | None, output: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": wire.model_of(self.asked),
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {**self._usage(), "output_tokens": output},
        }

    def _stop(self) -> str:
        usual = "tool_use" if wire.has_calls(self.answer) else "end_turn"
        return self.answer.raw_stop or self.answer.stop_reason or usual

    def opening(self) -> list[Frame]:
        return [self._event("message_start", message=self._message([], None, 0)), self._event("ping")]

    def body(self) -> list[Frame]:
        return [frame for index, block in enumerate(self.blocks) for frame in self._block(index, block)]

    def _block(self, index: int, block: dict[str, Any]) -> list[Frame]:
        parts = {"text": self._text, "thinking": self._thinking, "tool_use": self._tool_use}
        start, deltas = parts.get(block["type"], lambda whole: (whole, []))(block)
        return [
            self._event("content_block_start", index=index, content_block=start),
            *(
                self._event("content_block_delta", token=delta["type"] != "signature_delta", index=index, delta=delta)
                for delta in deltas
            ),
            self._event("content_block_stop", index=index),
        ]

    @staticmethod
    def _text(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in words(block["text"])]

    @staticmethod
    def _thinking(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        deltas = [{"type": "thinking_delta", "thinking": word} for word in words(block["thinking"])]
        signed = {"type": "signature_delta", "signature": block.get("signature", "")}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]

    @staticmethod
    def _tool_use(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        start = {"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}
        parts = ["", *wire.pieces(wire.arguments(block))]
        return start, [{"type": "input_json_delta", "partial_json": part} for part in parts]

    def closing(self) -> list[Frame]:
        usage = {**self._usage(), "output_tokens": wire.output_tokens(self.answer)}
        delta: dict[str, Any] = {"stop_reason": self._stop(), "stop_sequence": None}
        if delta["stop_reason"] == "refusal":
            delta["stop_details"] = {"type": "refusal", "category": None, "explanation": "The fake refuses."}
        return [self._event("message_delta", delta=delta, usage=usage), self._event("message_stop")]

    def overloaded(self) -> Frame:
        return self._event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def whole(self) -> dict[str, Any]:
        hidden = ("raw_input", "number")
        content = [{key: value for key, value in block.items() if key not in hidden} for block in self.blocks]
        return self._message(content, self._stop(), wire.output_tokens(self.answer))

    def refusal(self, failure: Failure, message: str) -> dict[str, Any]:
        kind = failure.type or ERROR_TYPES.get(failure.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": wire.identifier("req_")}
