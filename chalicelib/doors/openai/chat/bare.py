"""Answers of bare models: one stateless call, which ends with its client."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field

from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai.chat.asking import Begun, begin
from chalicelib.doors.openai.chat.printing import DONE, Printer, ToolCall, usage_of
from chalicelib.doors.openai.chat.waiting import unless_gone
from chalicelib.doors.openai.envelope import error_object
from chalicelib.doors.openai.errors import of_model
from chalicelib.doors.openai.schemas.chat import ChatCompletionCreate
from chalicelib.http import sse
from chalicelib.http.route import Answer, Call, EventStream
from chalicelib.models.chunks import BlockDone, Chunk, Finished, TextDelta, ToolInputDelta, ToolInputStart
from chalicelib.models.errors import ModelError
from chalicelib.spending.errors import SpenderBlocked

_REASONS = {"max_tokens": "length", "refusal": "content_filter", "tool_use": "tool_calls"}


async def answer(call: Call, body: ChatCompletionCreate) -> Answer | EventStream:
    """Ask the model; a failure before its first word is an error's answer. Raises what ``begin`` raises."""
    begun = await begin(call, body)
    printer = Printer(begun.model)
    if not body.stream:
        return Answer(await unless_gone(call, _whole(begun, printer)))
    usage = bool(body.stream_options and body.stream_options.include_usage)
    return EventStream(_frames(begun, printer, usage=usage))


@dataclass(slots=True)
class _Heard:
    """What came so far: text, and calls by the number of their block."""

    text: list[str] = field(default_factory=list)
    calls: dict[int, ToolCall] = field(default_factory=dict)
    finished: Finished | None = None

    def reason(self) -> str:
        """Why the answer ended."""
        stop = self.finished.stop_reason if self.finished else "other"
        return _REASONS.get(stop, "tool_calls" if self.calls else "stop")

    def usage(self) -> dict[str, object]:
        """What it used."""
        return usage_of(asdict(self.finished.usage) if self.finished else {})

    def take(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        if isinstance(chunk, TextDelta):
            self.text.append(chunk.text)
        elif isinstance(chunk, Finished):
            self.finished = chunk
        elif isinstance(chunk, ToolInputStart):
            self.calls[chunk.index] = ToolCall(chunk.call_id, chunk.name, "")
        elif isinstance(chunk, ToolInputDelta):
            call = self.calls[chunk.index]
            self.calls[chunk.index] = ToolCall(call.id, call.name, call.arguments + chunk.partial_json)
        elif isinstance(chunk, BlockDone) and (made := self.calls.get(chunk.index)) and not made.arguments:
            self.calls[chunk.index] = ToolCall(made.id, made.name, dumps(chunk.block.get("input") or {}))


async def _chunks(begun: Begun) -> AsyncGenerator[Chunk, None]:
    """All of the answer. Raises ModelError, SpenderBlocked."""
    try:
        if begun.first is not None:
            yield begun.first
        async for chunk in begun.rest:
            yield chunk
    finally:
        await begun.rest.aclose()


async def _whole(begun: Begun, printer: Printer) -> dict[str, object]:
    heard = _Heard()
    try:
        async with aclosing(_chunks(begun)) as chunks:
            async for chunk in chunks:
                heard.take(chunk)
    except ModelError as error:
        raise of_model(error) from error
    calls = [call for _, call in sorted(heard.calls.items())]
    return printer.whole("".join(heard.text), calls, heard.reason(), heard.usage())


async def _frames(begun: Begun, printer: Printer, *, usage: bool) -> AsyncGenerator[bytes, None]:
    heard = _Heard()
    try:
        async with aclosing(_chunks(begun)) as chunks:
            yield printer.opening()
            async for chunk in chunks:
                for frame in _of(chunk, heard, printer):
                    yield frame
    except (ModelError, SpenderBlocked) as error:
        told = of_model(error) if isinstance(error, ModelError) else error
        yield sse.frame(None, dumps({"error": error_object(told)}))
        return
    yield printer.end(heard.reason())
    if usage:
        yield printer.usage(heard.usage())
    yield DONE


def _of(chunk: Chunk, heard: _Heard, printer: Printer) -> list[bytes]:
    """The frames a chunk stands for."""
    before = heard.calls.get(chunk.index) if isinstance(chunk, BlockDone) else None
    heard.take(chunk)
    if isinstance(chunk, TextDelta) and chunk.text:
        return [printer.text(chunk.text)]
    if isinstance(chunk, ToolInputStart):
        return [printer.call(_place(heard, chunk.index), heard.calls[chunk.index])]
    if isinstance(chunk, ToolInputDelta) and chunk.partial_json:
        return [printer.arguments(_place(heard, chunk.index), chunk.partial_json)]
    if isinstance(chunk, BlockDone) and before is not None and not before.arguments:
        # A call without arguments is an empty object to clients, and nothing at all to some providers.
        return [printer.arguments(_place(heard, chunk.index), heard.calls[chunk.index].arguments)]
    return []


def _place(heard: _Heard, index: int) -> int:
    return sorted(heard.calls).index(index)
