"""Answers of bare models: one stateless call, which ends with its client."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai.chat import reading, wishes
from chalicelib.doors.openai.chat.paying import Tab
from chalicelib.doors.openai.chat.printing import DONE, Printer, ToolCall, usage_of
from chalicelib.doors.openai.chat.waiting import unless_gone
from chalicelib.doors.openai.common import space_of
from chalicelib.doors.openai.envelope import error_object
from chalicelib.doors.openai.errors import ModelsElsewhere, of_model
from chalicelib.doors.openai.schemas.chat import ChatCompletionCreate
from chalicelib.events.tail import threaded
from chalicelib.http import sse
from chalicelib.http.route import Answer, Call, EventStream
from chalicelib.models.chunks import BlockDone, Chunk, Finished, TextDelta, ToolInputDelta, ToolInputStart
from chalicelib.models.errors import ModelError, ModelNotServed
from chalicelib.models.request import ModelRequest

if TYPE_CHECKING:
    from chalicelib.modelcards.serving import RunModels
    from chalicelib.models.registry import Resolved

_REASONS = {"max_tokens": "length", "refusal": "content_filter", "tool_use": "tool_calls"}
_USUAL_TOKENS = 8192
Chunks = AsyncGenerator[Chunk, None]


async def answer(call: Call, body: ChatCompletionCreate) -> Answer | EventStream:
    """Ask the model; a failure before its first word is an error's answer. Raises what a failed call means."""
    from chalicelib.models.relay import relayed

    models, resolved = await threaded(lambda: _resolved(call, body.model))
    printer = Printer(body.model)
    request = request_of(body, resolved.model)
    tab = Tab(call.services.limiting.purse, space_of(call), models, resolved)
    await threaded(lambda: tab.open(request, body.user))
    chunks = tab.pay(relayed(resolved.provider, request))
    if not body.stream:
        return Answer(await unless_gone(call, _whole(chunks, printer)))
    first = await unless_gone(call, _first(chunks))
    usage = bool(body.stream_options and body.stream_options.include_usage)
    return EventStream(_frames(first, chunks, printer, usage=usage))


def _resolved(call: Call, model: str) -> "tuple[RunModels, Resolved]":
    settings = call.services.models.settings
    try:
        models = call.services.serving.open(space_of(call))
        return models, models.resolve(model)
    except ModelNotServed as error:
        if settings.elsewhere and not (settings.has_anthropic or settings.has_openai):
            raise ModelsElsewhere("this server calls models for agents alone: name one as the model") from error
        raise of_model(error) from error
    except ModelError as error:
        raise of_model(error) from error


def request_of(body: ChatCompletionCreate, model: str) -> ModelRequest:
    """The model call a request stands for. Raises InvalidRequest, Unsupported."""
    system, messages = reading.system_of(body.messages)
    return ModelRequest(
        model=model,
        system=system,
        messages=reading.conversation(messages, len(body.messages) - len(messages)),
        tools=wishes.tools(body),
        max_tokens=body.max_completion_tokens or body.max_tokens or _USUAL_TOKENS,
        effort=body.reasoning_effort,
        controls=wishes.controls(body),
    )


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


async def _whole(chunks: Chunks, printer: Printer) -> dict[str, object]:
    heard = _Heard()
    try:
        async for chunk in chunks:
            heard.take(chunk)
    except ModelError as error:
        raise of_model(error) from error
    finally:
        await chunks.aclose()
    calls = [call for _, call in sorted(heard.calls.items())]
    return printer.whole("".join(heard.text), calls, heard.reason(), heard.usage())


async def _first(chunks: Chunks) -> Chunk | None:
    try:
        return await anext(chunks, None)
    except ModelError as error:
        raise of_model(error) from error
    except BaseException:
        await chunks.aclose()
        raise


async def _frames(first: Chunk | None, chunks: Chunks, printer: Printer, *, usage: bool) -> AsyncIterator[bytes]:
    heard = _Heard()
    try:
        yield printer.opening()
        if first is not None:
            for frame in _of(first, heard, printer):
                yield frame
        async for chunk in chunks:
            for frame in _of(chunk, heard, printer):
                yield frame
    except ModelError as error:
        yield sse.frame(None, dumps({"error": error_object(of_model(error))}))
        return
    finally:
        await chunks.aclose()
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
