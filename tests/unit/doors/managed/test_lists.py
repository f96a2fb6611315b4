from typing import Any

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.principal import Principal
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, ListQuery
from chalicelib.http.route import Call

LISTING = lists.Listing("things", plain=(50, 200), sdk=(20, 100))
SDK = {"anthropic-version": "x"}


def call(headers: dict[str, str] | None = None, tenant: str = "t") -> Call:
    services: Any = None
    return Call(services, Principal(tenant, "k", frozenset()), "req_1", headers or {}, {})


@pytest.mark.parametrize(
    ("limit", "plain", "sdk"),
    [(None, 50, 20), ("7", 7, 7), ("0", 50, 20), ("-3", 50, 20), ("x", 50, 20), ("5000", 200, 100), ("1", 1, 1)],
)
def test_sizes_are_clamped_and_never_refused(limit: str | None, plain: int, sdk: int) -> None:
    query = ListQuery(limit=limit)
    assert (LISTING.size(query, {}), LISTING.size(query, SDK)) == (plain, sdk)


def test_a_cursor_leads_back_to_its_place() -> None:
    token = lists.cursor(call(), LISTING, "here")
    assert token is not None
    assert token.startswith("page_")
    assert lists.position(call(SDK), LISTING, token) == "here"
    assert lists.cursor(call(), LISTING, None) is None


def test_a_cursor_of_something_else_is_refused_to_sdks_and_ignored_for_others() -> None:
    token = lists.cursor(call(), LISTING, "here")
    other = lists.Listing("others")
    for wrong in (
        (call(SDK), other, token),
        (call(SDK, "other"), LISTING, token),
        (call(SDK), LISTING, "garbage"),
        (call(SDK), LISTING, "page_e30"),
    ):
        with pytest.raises(InvalidRequest):
            lists.position(*wrong)
    assert lists.position(call(tenant="other"), LISTING, token) is None
    assert lists.position(call(), LISTING, "garbage") is None
    with pytest.raises(InvalidRequest):
        lists.position(call(SDK), LISTING, token, ascending=True)


def test_an_empty_page_has_every_key() -> None:
    assert lists.page([], None) == {
        "data": [],
        "next_page": None,
        "next_cursor": None,
        "prev_page": None,
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"status": "active", "archived": True}, (True, False)),
        ({"status": "archived"}, (False, True)),
        ({"status": "any", "include_archived": False}, (True, True)),
        ({"archived": True, "include_archived": False}, (False, True)),
        ({"archived": False, "include_archived": True}, (True, False)),
        ({"include_archived": True}, (True, True)),
        ({"include_archived": False}, (True, False)),
    ],
)
def test_archive_filters_have_an_order(query: dict[str, Any], shown: tuple[bool, bool]) -> None:
    for headers in ({}, SDK):
        assert lists.shown_states(call(headers), ArchiveQuery(**query), plain_shows_archived=True) == shown


def test_what_is_shown_when_nothing_is_said() -> None:
    said = ArchiveQuery()
    assert lists.shown_states(call(), said, plain_shows_archived=True) == (True, True)
    assert lists.shown_states(call(), said, plain_shows_archived=False) == (True, False)
    assert lists.shown_states(call(SDK), said, plain_shows_archived=True) == (True, False)
    with pytest.raises(InvalidRequest):
        lists.shown_states(call(), ArchiveQuery(status="bogus"), plain_shows_archived=True)
