"""Asks a bare model, and while it cannot be had those of its card's chain, up to the first sign of an answer."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.errors import InvalidRequest, LambentError
from chalicelib.doors.openai.chat import reading, wishes
from chalicelib.doors.openai.chat.paying import paid
from chalicelib.doors.openai.chat.waiting import unless_gone
from chalicelib.doors.openai.common import space_of
from chalicelib.doors.openai.errors import ModelsElsewhere, of_model
from chalicelib.doors.openai.schemas.chat import ChatCompletionCreate
from chalicelib.events.tail import threaded
from chalicelib.http.route import Call
from chalicelib.modelcards.falling import Chain, may_fall
from chalicelib.models.chunks import Chunk
from chalicelib.models.errors import ModelContentUnsupported, ModelControlUnsupported, ModelError, ModelNotServed
from chalicelib.models.request import ModelRequest
from chalicelib.sessions.inputs import says_something
from chalicelib.spending.limits import Spender
from chalicelib.spending.tab import Tab

if TYPE_CHECKING:
    from chalicelib.modelcards.serving import RunModels

_USUAL_TOKENS = 8192
_UNFIT = (ModelControlUnsupported, ModelContentUnsupported)
Chunks = AsyncGenerator[Chunk, None]


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that has begun: the id of the model that gives it, its first chunk (None: there is none), the rest."""

    model: str
    first: Chunk | None
    rest: Chunks


async def begin(call: Call, body: ChatCompletionCreate) -> Begun:
    """Ask until somebody begins to answer, each model of the chain once.

    Raises InvalidRequest, SpenderBlocked, ClientDisconnect, and what a failed call means.
    """
    models = await threaded(lambda: call.services.serving.open(space_of(call)))
    chain = Chain(models, body.model)
    failure: ModelError | None = None
    while True:
        try:
            return await _asked(call, body, models, chain.using)
        except ModelError as error:
            # One further down that cannot do what the first one can is passed over: the first one's failure is told.
            failure = failure if failure is not None and isinstance(error, _UNFIT) else error
        if not may_fall(failure, spoke=False) or await threaded(chain.fall) is None:
            raise _told(call, failure) from failure


async def _asked(call: Call, body: ChatCompletionCreate, models: "RunModels", model: str) -> Begun:
    from chalicelib.models.relay import relayed

    resolved = await threaded(lambda: models.resolve(model))
    request = request_of(body, resolved.model)
    spender = Spender((), body.end_user)
    tab = Tab(call.services.limiting.purse, space_of(call), models, model, spender, "bare_model")
    await threaded(lambda: tab.open(resolved, request))
    chunks = paid(tab, relayed(resolved.provider, request))
    return Begun(model, await unless_gone(call, _first(chunks)), chunks)


async def _first(chunks: Chunks) -> Chunk | None:
    try:
        return await anext(chunks, None)
    except BaseException:
        await chunks.aclose()
        raise


def request_of(body: ChatCompletionCreate, model: str) -> ModelRequest:
    """The model call a request stands for. Raises InvalidRequest, Unsupported."""
    system, rest = reading.system_of(body.messages)
    messages = reading.conversation(rest, len(body.messages) - len(rest))
    if not system and not any(says_something(message["content"]) for message in messages):
        raise InvalidRequest("messages: must not be blank", field="messages")
    return ModelRequest(
        model=model,
        system=system,
        messages=messages,
        tools=wishes.tools(body),
        max_tokens=body.max_completion_tokens or body.max_tokens or _USUAL_TOKENS,
        effort=body.reasoning_effort,
        controls=wishes.controls(body),
    )


def _told(call: Call, failure: ModelError) -> LambentError:
    settings = call.services.models.settings
    asks_nobody = settings.elsewhere and not (settings.has_anthropic or settings.has_openai)
    if asks_nobody and isinstance(failure, ModelNotServed):
        return ModelsElsewhere("this server calls models for agents alone: name one as the model")
    return of_model(failure)
