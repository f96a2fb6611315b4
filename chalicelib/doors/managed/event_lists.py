"""Pages of a session's log."""

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.numbers import whole
from chalicelib.doors.managed.bounds import created_bounds, limit_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render import events as render
from chalicelib.doors.managed.render import sessions as render_sessions
from chalicelib.doors.managed.schemas.sessions import EventListQuery
from chalicelib.doors.managed.scopes import Scope, scope_of
from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.sessions.model import QueuedInput

_MOST = 1000
_QUEUED = "queued_"


def page_of(call: Call, query: EventListQuery, usual: int) -> dict[str, Any]:
    """One page of the log, and for SDKs of what waits behind it. Raises SessionNotFound, InvalidRequest."""
    ref, sdk = session_ref(call), is_sdk(call.headers)
    scope = scope_of(call)
    call.services.session_store.load(ref)
    limit = limit_of(query.limit, 1000 if sdk else usual, _MOST)
    listing = _Listing(call, ref, query, limit + 1, scope)
    rows = listing.descending() if query.order == "desc" else listing.ascending()
    return _answer(rows, limit)


class _Listing:
    def __init__(self, call: Call, ref: SessionRef, query: EventListQuery, limit: int, scope: Scope) -> None:
        self._scope = scope
        self._log = call.services.log
        self._store = call.services.session_store
        self._ref = ref
        self._sdk = is_sdk(call.headers)
        self._keep = _keep(query, sdk=self._sdk)
        self._types = frozenset(query.types or ())
        self._limit = limit
        self._page = query.page or ""
        self._after = max(whole(query.after_seq) or 0, scope.first - 1)
        self._undated = created_bounds(query) == (None, None)

    def ascending(self) -> list[tuple[str, dict[str, Any]]]:
        """Oldest first; inputs that wait come last."""
        rows: list[tuple[str, dict[str, Any]]] = []
        if not self._page.startswith(_QUEUED):
            after = max(self._after, _seq(self._page, sdk=self._sdk) or 0)
            rows = self._collect(self._log.walk(self._ref, after))
        if len(rows) < self._limit:
            behind = self._page.removeprefix(_QUEUED) if self._page.startswith(_QUEUED) else ""
            rows += [self._queued(item) for item in self._waiting() if item.sk > behind]
        return rows[: self._limit]

    def descending(self) -> list[tuple[str, dict[str, Any]]]:
        """Newest first; inputs that wait come first of all."""
        rows: list[tuple[str, dict[str, Any]]] = []
        before = _seq(self._page, sdk=self._sdk)
        if before is None:
            limit = self._page.removeprefix(_QUEUED) if self._page.startswith(_QUEUED) else "~"
            rows = [self._queued(item) for item in reversed(self._waiting()) if item.sk < limit]
        if len(rows) < self._limit:
            rows += self._collect(self._back(before or 10**12), self._limit - len(rows))
        return rows[: self._limit]

    def _back(self, before: int) -> Iterator[Event]:
        while events := self._log.read_back(self._ref, before):
            for event in events:
                if event.seq <= self._after:
                    return
                yield event
            before = events[-1].seq

    def _collect(self, events: Iterator[Event], limit: int | None = None) -> list[tuple[str, dict[str, Any]]]:
        rows: list[tuple[str, dict[str, Any]]] = []
        for event in events:
            if self._keep(event) and self._scope.holds(event):
                shown = render.row(event, render_sessions.name(self._ref.id), sdk=self._sdk)
                rows.append((f"seq_{event.seq}", shown))
            if len(rows) >= (limit or self._limit):
                break
        return rows

    def _waiting(self) -> list[QueuedInput]:
        if not self._sdk or not self._undated:
            return []
        return [
            item
            for item in self._store.inbox(self._ref)
            if (not self._types or item.type in self._types) and self._scope.awaits(item.thread)
        ]

    def _queued(self, item: QueuedInput) -> tuple[str, dict[str, Any]]:
        return _QUEUED + item.sk, render.queued(item)


def _keep(query: EventListQuery, *, sdk: bool) -> Callable[[Event], bool]:
    whole = not sdk or "chunks" in (query.include or ())
    shown = catalogue.PUBLIC_TYPES if whole else catalogue.SDK_TYPES
    wanted = shown & frozenset(query.types) if query.types else shown
    low, high = created_bounds(query)

    def keep(event: Event) -> bool:
        return event.type in wanted and (low is None or event.at >= low) and (high is None or event.at <= high)

    return keep


def _answer(rows: list[tuple[str, dict[str, Any]]], limit: int) -> dict[str, Any]:
    more, rows = len(rows) > limit, rows[:limit]
    following = rows[-1][0] if more else None
    return {
        "data": [shown for _, shown in rows],
        "has_more": more,
        "next_page": following,
        "next_cursor": following,
        "prev_page": None,
        "first_id": rows[0][1]["id"] if rows else None,
        "last_id": rows[-1][1]["id"] if rows else None,
    }


def _seq(page: str, *, sdk: bool) -> int | None:
    if not page or page.startswith(_QUEUED):
        return None
    number = whole(page.removeprefix("seq_"))
    if number is None and sdk:
        raise InvalidRequest("page: the cursor cannot be read", field="page")
    return number
