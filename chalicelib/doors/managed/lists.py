"""Lists: page sizes, cursors, archive filters, and the one shape of a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.paging import BadCursor, decode_place, encode_cursor
from chalicelib.doors.managed.bounds import created_bounds, limit_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, ListQuery
from chalicelib.http.route import Call
from chalicelib.storage.listing import Window


@dataclass(frozen=True, slots=True)
class Listing:
    """A list and its page sizes, usual and most, by kind of client."""

    name: str
    plain: tuple[int, int] = (50, 200)
    sdk: tuple[int, int] = (20, 100)

    def size(self, query: ListQuery, headers: Mapping[str, str]) -> int:
        """Rows of a page: clamped, never refused."""
        usual, most = self.sdk if is_sdk(headers) else self.plain
        return limit_of(query.limit, usual, most)


def window(call: Call, listing: Listing, query: ListQuery, *, ascending: bool = False) -> Window:
    """The part of a list a request asks for. Raises InvalidRequest."""
    low, high = created_bounds(query)
    size = listing.size(query, call.headers)
    return Window(size, position(call, listing, query.page, ascending=ascending), low, high, ascending)


def position(call: Call, listing: Listing, token: str | None, *, ascending: bool = False) -> str | None:
    """The place behind a cursor; one that cannot be read means the first page to plain clients.

    Raises InvalidRequest to others.
    """
    if not token:
        return None
    try:
        return decode_place(token, _bound(call, listing, ascending))
    except BadCursor as error:
        if is_sdk(call.headers):
            raise InvalidRequest("page: the cursor cannot be read or belongs to another list", field="page") from error
        return None


def cursor(call: Call, listing: Listing, at: str | None, *, ascending: bool = False) -> str | None:
    """The token of a place; None stays None."""
    return None if at is None else encode_cursor({"at": at}, _bound(call, listing, ascending))


def _bound(call: Call, listing: Listing, ascending: bool) -> dict[str, Any]:
    return {"list": listing.name, "tenant": call.principal.tenant, "ascending": ascending}


def page(data: Sequence[Mapping[str, Any]], following: str | None, *, has_more: bool | None = None) -> dict[str, Any]:
    """A page in the shape every kind of client reads."""
    return {
        "data": data,
        "next_page": following,
        "next_cursor": following,
        "prev_page": None,
        "has_more": following is not None if has_more is None else has_more,
        "first_id": data[0].get("id") if data else None,
        "last_id": data[-1].get("id") if data else None,
    }


def shown_states(call: Call, query: ArchiveQuery, *, plain_shows_archived: bool) -> tuple[bool, bool]:
    """Whether a list shows active and archived objects: ``status`` decides, else ``archived``, ``include_archived``.

    Raises InvalidRequest for an unknown status.
    """
    if query.status is not None:
        if query.status not in ("active", "archived", "any"):
            raise InvalidRequest("status: must be active, archived or any", field="status", code="invalid_status")
        return query.status != "archived", query.status != "active"
    if query.archived is not None:
        return not query.archived, query.archived
    if query.include_archived is not None:
        return True, query.include_archived
    return True, plain_shows_archived and not is_sdk(call.headers)
