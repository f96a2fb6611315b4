"""What happened in a session: items, turns, traces."""

from typing import Any

from chalicelib.doors.openai import lists
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.common import demanded, session_ref
from chalicelib.doors.openai.lists import ListQuery
from chalicelib.doors.openai.reading import History
from chalicelib.doors.openai.render import turns as render
from chalicelib.doors.openai.schemas import sessions as schemas
from chalicelib.http.route import Answer, Call, Handler, Route
from chalicelib.sessions.model import Head


def _session(call: Call) -> tuple[Head, History]:
    ref = session_ref(call)
    return call.services.session_store.load(ref).head, History(call.services.log, ref)


def _run(call: Call) -> str:
    return demanded("turn", call.path["turn_id"], "turn")


def items(call: Call) -> Answer:
    """The session's items."""
    query: ListQuery = call.query
    _, history = _session(call)
    return Answer(lists.page_of(history.items(query.order), query))


def turns(call: Call) -> Answer:
    """The session's turns."""
    query: ListQuery = call.query
    head, history = _session(call)
    found = (render.turn(turn, head.id, head.agent_id) for turn in history.turns(query.order))
    return Answer(lists.page_of(found, query))


def turn(call: Call) -> Answer:
    """One turn."""
    head, history = _session(call)
    return Answer(render.turn(history.turn(_run(call)), head.id, head.agent_id))


def turn_items(call: Call) -> Answer:
    """A turn's items."""
    query: ListQuery = call.query
    _, history = _session(call)
    return Answer(lists.page_of(history.items(query.order, _run(call)), query))


def traces(call: Call) -> Answer:
    """The steps of each turn, as spans."""
    query: ListQuery = call.query
    head, history = _session(call)
    found = (render.trace(history.events_of(turn.id), head.id) for turn in history.turns(query.order))
    return Answer(lists.page_of(found, query))


_ONE = "/openai/v1/agents/sessions/{session_id}"
_TAGS = ("openai sessions",)


def _get(path: str, handler: Handler, summary: str, answer: Any = lists.Listed) -> Route:
    query = ListQuery if answer is lists.Listed else None
    return Route(("GET",), path, handler, summary, query=query, answers={200: answer}, errors=(404,), tags=_TAGS)


ROUTES: tuple[Route, ...] = both_bases(
    _get(f"{_ONE}/items", items, "List a session's items"),
    _get(f"{_ONE}/turns", turns, "List a session's turns"),
    _get(f"{_ONE}/turns/{{turn_id}}", turn, "Retrieve a turn", schemas.Turn),
    _get(f"{_ONE}/turns/{{turn_id}}/items", turn_items, "List a turn's items"),
    _get(f"{_ONE}/traces", traces, "List the traces of a session's turns"),
)
