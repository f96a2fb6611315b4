"""Answers of agents: the chat opens or continues a session, whose turn goes on whatever becomes of the client."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.agents.model import AgentVersion
from chalicelib.agents.policy import PLAIN
from chalicelib.agents.toolset import CustomTool, Tool
from chalicelib.core.errors import InvalidRequest, LambentError
from chalicelib.core.ids import dress, new_id
from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai import calls
from chalicelib.doors.openai.chat import inputs, wishes
from chalicelib.doors.openai.chat.inputs import Brought
from chalicelib.doors.openai.chat.naming import Named, find_agent
from chalicelib.doors.openai.chat.printing import DONE, Printer
from chalicelib.doors.openai.chat.turns import Turn, followed
from chalicelib.doors.openai.chat.waiting import unless_gone
from chalicelib.doors.openai.clock import Beat
from chalicelib.doors.openai.common import DOOR, core_of, space_of
from chalicelib.doors.openai.envelope import SESSION_HEADER, error_object
from chalicelib.doors.openai.places import HOSTED, place_for
from chalicelib.doors.openai.schemas.chat import ChatCompletionCreate
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import threaded
from chalicelib.http import errors, sse
from chalicelib.http.route import Answer, Call, EventStream
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import SessionNotFound, WaitingForAnswers
from chalicelib.sessions.inputs import Manner
from chalicelib.sessions.opening import Opening, end_user_of

_SESSION_KEY = "session_id"
_PLACE_KEY = "environment_id"


@dataclass(frozen=True, slots=True)
class _Begun:
    """A turn under way, and where to read it from."""

    turn: Turn
    after: int


async def answer(call: Call, body: ChatCompletionCreate, named: Named) -> Answer | EventStream:
    """Have the agent's turn and tell it. Raises what opening a session and sending to it raise, and what the turn fails
    with when it does so before its first word."""
    wishes.check_for_agent(body)
    chat = inputs.brought(body.messages)
    ref = _continued(call, body, chat)
    seed = call.seed or new_id()
    known = ref or SessionRef(space_of(call), call.services.sessions.new_id(space_of(call), seed))
    position = await call.services.follower().join(known) if body.stream else None
    if ref is None:
        begun = await threaded(lambda: _opened(call, body, chat, named, seed))
    else:
        begun = await threaded(lambda: _sent(call, chat, ref))
    name = dress("sesn", known.id)
    printer = Printer(body.model, {_SESSION_KEY: name, "metadata": {_SESSION_KEY: name}})
    pieces = followed(call.services.follower(), begun.turn, begun.after, position, Beat(call))
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return EventStream(_frames(pieces, begun.turn, printer, usage=usage), {SESSION_HEADER: name})
    return Answer(await unless_gone(call, _whole(pieces, begun.turn, printer, name)), headers={SESSION_HEADER: name})


def _continued(call: Call, body: ChatCompletionCreate, chat: Brought) -> SessionRef | None:
    """The session the chat goes on in: named by a header, the metadata, or the calls it answers."""
    named = call.headers.get(SESSION_HEADER) or (body.metadata or {}).get(_SESSION_KEY)
    core = core_of("sess", named) if named else chat.session_of_answers()
    if named and core is None:
        raise SessionNotFound(f"there is no session {named}", field=f"metadata.{_SESSION_KEY}")
    return None if core is None else SessionRef(space_of(call), core)


def _opened(call: Call, body: ChatCompletionCreate, chat: Brought, named: Named, seed: str) -> _Begun:
    """A new session that has what was said before as the beginning of its first message."""
    agent = find_agent(call, named)
    if named.version is None:
        who = end_user_of(body.end_user, body.metadata or {}) or seed
        agent = call.services.agents.shared(space_of(call), agent, who)
    place = (body.metadata or {}).get(_PLACE_KEY)
    if place is None and agent.environment_id is None:
        place = place_for(call, HOSTED).id
    wanted = Opening(
        agent=_choice(agent, chat.system, body),
        environment_id=place,
        metadata={name: text for name, text in (body.metadata or {}).items() if name not in (_SESSION_KEY, _PLACE_KEY)},
        initial=inputs.inputs_of(chat, call.seed, with_earlier=True),
        manner=Manner(door=DOOR),
        policy=PLAIN,
        end_user=body.end_user,
        seed=seed,
        trial=agent.trial,
    )
    session = call.services.opener.open(space_of(call), wanted)
    return _Begun(Turn(SessionRef(space_of(call), session.head.id), None), 0)


def _choice(agent: AgentVersion, system: str | None, body: ChatCompletionCreate) -> AgentChoice:
    """The agent; instructions and tools of the chat come on top of its own."""
    changes: dict[str, Any] = {}
    if system:
        changes["system"] = "\n\n".join(filter(None, (agent.system, system)))
    if body.tools:
        changes["tools"] = [*agent.tools, *_custom(body)]
    kind = "agent_with_overrides" if changes else "agent"
    return AgentChoice(type=kind, id=agent.id, version=agent.version, **changes)


def _custom(body: ChatCompletionCreate) -> list[Tool]:
    return [
        CustomTool(
            type="custom", name=spec.name, description=spec.description or spec.name, input_schema=spec.input_schema
        )
        for spec in wishes.tools(body)
    ]


def _sent(call: Call, chat: Brought, ref: SessionRef) -> _Begun:
    """What is new of the chat sent to its session. A repeat meets the turn that the first one made."""
    loaded = call.services.session_store.load(ref)
    items = inputs.inputs_of(chat, call.seed, with_earlier=False)
    uses = calls.uses_of(call.services.log, ref, loaded.head.unanswered)
    try:
        receipt = call.services.sessions.send(
            ref, items, Manner(policy="steer" if chat.answers else "queue", door=DOOR)
        )
    except WaitingForAnswers as error:
        raise InvalidRequest(
            "messages: the agent waits for the results of its calls first", field="messages", code="calls_open"
        ) from error
    mine = receipt.events[-1].id
    after = loaded.tail.next_seq - 1
    if receipt.seq == 0:
        after = calls.place_of(call.services.log, ref, mine, after)
    return _Begun(Turn(ref, mine, uses=uses), after)


async def _whole(pieces: AsyncIterator[str | None], turn: Turn, printer: Printer, name: str) -> dict[str, Any]:
    try:
        text = "".join([piece async for piece in pieces if piece])
    except LambentError as error:
        raise _with_session(error, name) from error
    return printer.whole(text, turn.calls, turn.reason, turn.usage)


def _with_session(error: LambentError, name: str) -> LambentError:
    error.details = (error.details or {}) | {_SESSION_KEY: name}
    return error


async def _frames(
    pieces: AsyncIterator[str | None], turn: Turn, printer: Printer, *, usage: bool
) -> AsyncIterator[bytes]:
    yield printer.opening()
    try:
        async for piece in pieces:
            yield sse.comment("ping") if piece is None else printer.text(piece)
    except Exception as error:  # noqa: BLE001 - told as a frame; what nobody foresaw is logged where it is translated
        yield sse.frame(None, dumps({"error": error_object(errors.translate(error))}))
        return
    for frame in _last(turn, printer, usage=usage):
        yield frame


def _last(turn: Turn, printer: Printer, *, usage: bool) -> Sequence[bytes]:
    frames = []
    for index, one in enumerate(turn.calls):
        frames += [printer.call(index, type(one)(one.id, one.name, "")), printer.arguments(index, one.arguments)]
    frames.append(printer.end(turn.reason))
    if usage:
        frames.append(printer.usage(turn.usage))
    return [*frames, DONE]
