"""Sessions of agents."""

from typing import Any

from chalicelib.agents import policy
from chalicelib.agents.toolrules import settled
from chalicelib.core.ids import new_id
from chalicelib.doors.openai import calls, definitions, lists, opening, streaming
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.clock import Beat
from chalicelib.doors.openai.common import core_of, demanded, session_ref, space_of
from chalicelib.doors.openai.errors import Unsupported
from chalicelib.doors.openai.narrating import Narrator
from chalicelib.doors.openai.render import sessions as render
from chalicelib.doors.openai.schemas import sessions as schemas
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import threaded
from chalicelib.http.route import Answer, Call, EventStream, Route
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.model import Head, Session
from chalicelib.sessions.service import SessionUpdate
from chalicelib.storage.keys import list_sk

_FIXED = ("model", "reasoning", "service_tier", "instructions", "text", "multi_agent", "compaction", "experimental")


def shown(call: Call, session: Session) -> dict[str, Any]:
    """A session as printed, with the tool uses it waits for."""
    ref = SessionRef(space_of(call), session.head.id)
    ids = session.head.unanswered
    found = calls.uses_of(call.services.log, ref, ids)
    uses = [found[one] for one in ids if one in found]
    printed = render.session(session, uses, call.principal.tenant)
    if attached := printed["environment"].get("files"):
        cores = [demanded("file", one["id"], "file") for one in attached]
        sizes = {file.id: file.size for file in call.services.files.find_many(ref.space, cores)}
        for one, core in zip(attached, cores, strict=True):
            one["size_bytes"] = sizes.get(core, 0)
    return printed


async def create(call: Call) -> Answer | EventStream:
    """Open a session; on demand its first turn is streamed."""
    body: schemas.NewSession = call.body
    seed = call.seed or new_id()
    if not body.stream:
        return Answer(await threaded(lambda: shown(call, opening.opened(call, body, seed))))
    follower = call.services.follower()
    ref = SessionRef(space_of(call), call.services.sessions.new_id(space_of(call), seed))
    position = await follower.join(ref)
    session = await threaded(lambda: opening.opened(call, body, seed))
    printed = render.session(session, (), call.principal.tenant) | {"status": "idle"}
    narrator = Narrator(ref.id, session.head.agent_id, printed)
    begin = streaming.Begin(0, position, aligned=True)
    return EventStream(streaming.first_turn(follower, ref, begin, narrator, Beat(call)))


def list_(call: Call) -> Answer:
    """The tenant's sessions, newest first unless asked otherwise."""
    query: schemas.SessionListQuery = call.query
    wanted = lists.metadata_of(call)
    agent = None if query.agent_id is None else core_of("agent", query.agent_id) or ""

    def keep(head: Head) -> bool:
        fits = wanted.items() <= head.metadata.items()
        return head.archived_at is None and (agent is None or head.agent_id == agent) and fits

    window = lists.window(query, position_after(call, query.after))
    found, more = call.services.sessions.page(space_of(call), window, keep)
    return Answer(lists.page([shown(call, session) for session in found], more=more))


def position_after(call: Call, after: str | None, prefix: str = "sess") -> str | None:
    """The place of a session in lists. Raises SessionNotFound."""
    if after is None:
        return None
    core = core_of(prefix, after)
    if core is None:
        raise SessionNotFound(f"after: there is no {after}", field="after")
    head = call.services.sessions.get(SessionRef(space_of(call), core)).head
    return list_sk(head.created_at, head.id)


def retrieve(call: Call) -> Answer:
    """One session."""
    return Answer(shown(call, call.services.sessions.get(session_ref(call))))


def update(call: Call) -> Answer:
    """Change a session's metadata and budget, and while it rests its tools."""
    body: schemas.SessionChange = call.body
    opening.refuse_controls(body)
    ref = session_ref(call)
    current = call.services.sessions.get(ref)
    metadata = None
    if body.sent("metadata"):
        metadata = dict.fromkeys(current.head.metadata) | (body.metadata or {})
    budget = [opening.budget_of(body.spend_control)] if body.sent("spend_control") else None
    wanted = SessionUpdate(metadata=metadata, budget=budget, **_tools(body))
    return Answer(shown(call, call.services.sessions.update(ref, wanted, drop_empty=False)))


def _tools(body: schemas.SessionChange) -> dict[str, Any]:
    if body.agent is None:
        return {}
    for name in _FIXED:
        if body.agent.sent(name):
            raise Unsupported(f"agent.{name}", "stays as it was when the session was opened")
    if not body.agent.sent("tools"):
        return {}
    fields = definitions.tools_of(body.agent.tools)
    tools = settled(fields["tools"], fields["mcp_servers"], policy.SDK, tools_given=True)
    return {
        "tools": [tool.model_dump(mode="json") for tool in tools],
        "mcp_servers": [server.model_dump(mode="json") for server in fields["mcp_servers"]],
    }


def delete(call: Call) -> Answer:
    """Remove a session, whatever it does, and all that belongs to it."""
    ref = session_ref(call)
    call.services.sessions.delete(ref, even_running=True)
    return Answer(lists.deleted(render.name(ref.id), "agent.session"))


_ALL = "/openai/v1/agents/sessions"
_ONE = f"{_ALL}/{{session_id}}"
_TAGS = ("openai sessions",)
ROUTES: tuple[Route, ...] = both_bases(
    Route(
        ("POST",),
        _ALL,
        create,
        "Open a session",
        scope="write",
        body=schemas.NewSession,
        answers={200: (schemas.SessionAnswer, "text/event-stream")},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List sessions",
        query=schemas.SessionListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",), _ONE, retrieve, "Retrieve a session", answers={200: schemas.SessionAnswer}, errors=(404,), tags=_TAGS
    ),
    Route(
        ("POST",),
        _ONE,
        update,
        "Update a session",
        scope="write",
        body=schemas.SessionChange,
        answers={200: schemas.SessionAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a session",
        scope="write",
        answers={200: lists.Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
