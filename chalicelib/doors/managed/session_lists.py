"""Lists of sessions: filters, order, and cursors both ways."""

from collections.abc import Callable
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import undress
from chalicelib.core.paging import BadCursor, decode_cursor, encode_cursor, place_in
from chalicelib.doors.managed.bounds import created_bounds, limit_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.render import sessions as render
from chalicelib.doors.managed.schemas.sessions import SessionListQuery
from chalicelib.http.route import Call
from chalicelib.sessions.model import Head, Session
from chalicelib.storage.keys import Space, list_sk
from chalicelib.storage.listing import Window

_STATUSES = frozenset({"idle", "running", "rescheduling", "terminated"})
_MOST = {True: 100, False: 200}
_USUAL = {True: 20, False: 50}


def page_of(call: Call, query: SessionListQuery) -> dict[str, Any]:
    """One page. Raises InvalidRequest."""
    sdk = is_sdk(call.headers)
    ascending = query.order == "asc"
    position, back = _position(query, ascending, sdk=sdk)
    limit = limit_of(query.limit, _USUAL[sdk], _MOST[sdk])
    low, high = created_bounds(query)
    window = Window(limit, position, low, high, ascending != back)
    found, more = call.services.sessions.page(Space(call.principal.tenant), window, _filter(query))
    if back:
        found = found[::-1]
    before, after = (more, True) if back else (position is not None, more)
    return _answer(found, ascending, before=before and bool(found), after=after and bool(found))


def _answer(found: list[Session], ascending: bool, *, before: bool, after: bool) -> dict[str, Any]:
    bound = {"list": "sessions", "ascending": ascending}

    def cursor(session: Session, back: bool) -> str:
        return encode_cursor({"at": list_sk(session.head.created_at, session.head.id), "back": back}, bound)

    following = cursor(found[-1], False) if after else None
    return {
        "data": [render.session(session) for session in found],
        "next_page": following,
        "next_cursor": following,
        "prev_page": cursor(found[0], True) if before else None,
        "has_more": following is not None,
        "first_id": render.name(found[0].head.id) if found else None,
        "last_id": render.name(found[-1].head.id) if found else None,
    }


def _position(query: SessionListQuery, ascending: bool, *, sdk: bool) -> tuple[str | None, bool]:
    if not query.page:
        return None, False
    try:
        position = decode_cursor(query.page, {"list": "sessions", "ascending": ascending})
        at, back = place_in(position), bool(position["back"])
        _refuse_excluded(query, int(at.split("#")[0]))
    except (BadCursor, KeyError, ValueError) as error:
        if not sdk:
            return None, False
        raise InvalidRequest(f"page: {error}", field="page") from error
    return at, back


def _refuse_excluded(query: SessionListQuery, at_ms: int) -> None:
    low, high = created_bounds(query)
    if (low is not None and at_ms < low) or (high is not None and at_ms > high):
        raise BadCursor("the date filter excludes the cursor's position")


def _filter(query: SessionListQuery) -> Callable[[Head], bool]:
    statuses = _statuses(query)
    agent = undress("agent", query.agent_id) or "" if query.agent_id else None
    # A version says nothing without its agent.
    version = query.agent_version if query.agent_id else None
    deployment = undress("depl", query.deployment_id) or "" if query.deployment_id else None
    store = undress("memstore", query.memory_store_id) or "" if query.memory_store_id else None
    part = (query.q or "").strip().lower()

    def keep(head: Head) -> bool:
        return (
            (not statuses or head.status in statuses)
            and _archive_fits(query, head)
            and (agent is None or head.agent_id == agent)
            and (version is None or head.agent_version == version)
            and (deployment is None or head.deployment_id == deployment)
            and (store is None or store in head.memory_stores)
            and query.end_user in (None, head.end_user)
            and part in (head.title or "").lower()
        )

    return keep


def _statuses(query: SessionListQuery) -> set[str]:
    wanted = set(query.statuses or []) | ({query.status} if query.status else set())
    for status in wanted - _STATUSES:
        raise InvalidRequest(f"status: there is no status {status!r}", field="status", code="invalid_status")
    return wanted


def _archive_fits(query: SessionListQuery, head: Head) -> bool:
    if query.archived is not None:
        return query.archived == (head.archived_at is not None)
    return bool(query.include_archived) or head.archived_at is None or "terminated" in _statuses(query)
