"""Agents that a session's own agent has called: what they are, said and did."""

from typing import Any

from chalicelib.doors.openai import lists
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.common import demanded, session_ref
from chalicelib.doors.openai.lists import ListQuery
from chalicelib.doors.openai.render import subagents as render
from chalicelib.doors.openai.render import turns as render_turns
from chalicelib.doors.openai.schemas import sessions as schemas
from chalicelib.doors.openai.strands import Strand
from chalicelib.http.route import Answer, Call, Handler, Route
from chalicelib.sessions.model import Head, Thread

_MOST = 10_000


def _found(call: Call) -> tuple[Head, Thread, Strand]:
    """The session, the thread and its records. Raises SessionNotFound, NotFound."""
    ref = session_ref(call)
    core = demanded("suba", call.path["subagent_id"], "subagent")
    session, thread = call.services.threads.get(ref, core)
    return session.head, thread, Strand(call.services.log, ref, thread)


def _run(call: Call) -> str:
    return demanded("turn", call.path["turn_id"], "turn")


def list_(call: Call) -> Answer:
    """The session's subagents, by when they were called."""
    query: ListQuery = call.query
    ref = session_ref(call)
    session = call.services.session_store.get(ref)
    threads = call.services.threads.page(session, ref, "", _MOST, lambda _thread: True).threads
    ordered = threads if query.order == "asc" else threads[::-1]
    return Answer(lists.page_of((render.subagent(thread, session.head) for thread in ordered), query))


def retrieve(call: Call) -> Answer:
    """One subagent."""
    head, thread, _ = _found(call)
    return Answer(render.subagent(thread, head))


def items(call: Call) -> Answer:
    """A subagent's items."""
    query: ListQuery = call.query
    _, _, strand = _found(call)
    return Answer(lists.page_of(strand.items(query.order), query))


def turns(call: Call) -> Answer:
    """A subagent's turns."""
    query: ListQuery = call.query
    head, thread, strand = _found(call)
    told = (render_turns.of_subagent(turn, head, thread) for turn in strand.turns(query.order))
    return Answer(lists.page_of(told, query))


def turn(call: Call) -> Answer:
    """One of its turns."""
    head, thread, strand = _found(call)
    return Answer(render_turns.of_subagent(strand.turn(_run(call)), head, thread))


def turn_items(call: Call) -> Answer:
    """The items of one of its turns."""
    query: ListQuery = call.query
    _, _, strand = _found(call)
    return Answer(lists.page_of(strand.items(query.order, _run(call)), query))


_ALL = "/openai/v1/agents/sessions/{session_id}/subagents"
_ONE = f"{_ALL}/{{subagent_id}}"
_TAGS = ("openai sessions",)


def _get(path: str, handler: Handler, summary: str, answer: Any = lists.Listed) -> Route:
    query = ListQuery if answer is lists.Listed else None
    return Route(("GET",), path, handler, summary, query=query, answers={200: answer}, errors=(404,), tags=_TAGS)


ROUTES: tuple[Route, ...] = both_bases(
    _get(_ALL, list_, "List a session's subagents"),
    _get(_ONE, retrieve, "Retrieve a subagent", schemas.Subagent),
    _get(f"{_ONE}/items", items, "List a subagent's items"),
    _get(f"{_ONE}/turns", turns, "List a subagent's turns"),
    _get(f"{_ONE}/turns/{{turn_id}}", turn, "Retrieve a subagent's turn", schemas.Turn),
    _get(f"{_ONE}/turns/{{turn_id}}/items", turn_items, "List the items of a subagent's turn"),
)
