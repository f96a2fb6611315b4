"""OpenAI's chat completions."""

from typing import Any

from tests.fakes.model_server import wire
from tests.fakes.model_server.plan import Answer, Failure, words
from tests.fakes.model_server.request import Asked
from tests.fakes.model_server.wire import Frame, sse

FINISH = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "refusal": "content_filter"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAIWire:
    def __init__(self, asked: Asked, answer: Answer) -> None:
        self.asked, self.answer = asked, answer
        self.blocks = wire.with_ids(answer, "call_")
        self.id = wire.identifier("chatcmpl-")

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": 1, "model": wire.model_of(self.asked)}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, token: bool = False) -> Frame:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return Frame(sse({**self._head("chat.completion.chunk"), "choices": [choice]}), token)

    def _usage(self) -> dict[str, Any]:
        cached = self.answer.usage.get("cache_read_input_tokens", self.answer.cached)
        prompt = self.answer.usage.get("input_tokens", wire.INPUT_TOKENS) + cached
        output = wire.output_tokens(self.answer)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def _finish(self) -> str:
        usual = "tool_use" if wire.has_calls(self.answer) else "end_turn"
        return self.answer.raw_stop or FINISH.get(self.answer.stop_reason or usual, "stop")

    def opening(self) -> list[Frame]:
        return [self._chunk({"role": "assistant", "content": None})]

    def body(self) -> list[Frame]:
        frames: list[Frame] = []
        calls = 0
        for block in self.blocks:
            if block["type"] == "tool_use":
                frames += self._tool_call(calls, block)
                calls += 1
            else:
                key = "reasoning_content" if block["type"] == "thinking" else "content"
                text = block.get("text") or block.get("thinking") or ""
                frames += [self._chunk({key: word}, token=True) for word in words(text)]
        return frames

    def _tool_call(self, index: int, block: dict[str, Any]) -> list[Frame]:
        start = {"index": index, "id": block["id"], "type": "function"}
        first = self._chunk(
            {"tool_calls": [{**start, "function": {"name": block["name"], "arguments": ""}}]}, token=True
        )
        parts = wire.pieces(wire.arguments(block))
        deltas = [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in parts]
        return [first, *(self._chunk(delta, token=True) for delta in deltas)]

    def closing(self) -> list[Frame]:
        usage = {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()}
        return [self._chunk({}, self._finish()), Frame(sse(usage)), Frame(sse("[DONE]"))]

    def overloaded(self) -> Frame:
        error = {"message": "Overloaded", "type": "server_error", "code": "server_overloaded", "param": None}
        return Frame(sse({"error": error}))

    def whole(self) -> dict[str, Any]:
        text = "".join(block["text"] for block in self.blocks if block["type"] == "text")
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        calls = [self._whole_call(block) for block in self.blocks if block["type"] == "tool_use"]
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": self._finish()}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    @staticmethod
    def _whole_call(block: dict[str, Any]) -> dict[str, Any]:
        function = {"name": block["name"], "arguments": wire.arguments(block)}
        return {"id": block["id"], "type": "function", "function": function}

    def refusal(self, failure: Failure, message: str) -> dict[str, Any]:
        kind = failure.type or ("server_error" if failure.status >= 500 else "invalid_request_error")
        code = failure.type or CODES.get(failure.status)
        return {"error": {"message": message, "type": kind, "code": code, "param": None}}
