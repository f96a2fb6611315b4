"""Cursors that nobody was given: made up of anything, and yet for the list they are sent to."""

import base64
import json
from typing import Any

import pytest

from chalicelib.core import paging
from chalicelib.doors import all_doors
from tests.support.api import Api

_KNOWN = "known to everybody"
PLACES: dict[str, Any] = {
    "a letter that is none": "\ud800",
    "the last letter": "1\U0010ffff",
    "a letter before those that are none": "1\ud7ff",
    "a letter behind them": "1\ue000",
    "a long text": "1" * 3000,
    "nothing": "",
    "no text": [],
    "a control character": "\0",
    "a date alone": "1700000000000",
}


def token(place: Any) -> str:
    """A cursor as this server makes them."""
    body = json.dumps({"p": {"at": place, "back": False}, "b": _KNOWN})
    return "page_" + base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


DEEP = base64.urlsafe_b64encode(b"[" * 20_000).decode()
LISTS = sorted(
    {
        (route.path, name)
        for door in all_doors()
        for route in door.routes
        for name in ("page", "nextToken")
        if route.query is not None and "{" not in route.path and route.scope == "read" and "GET" in route.methods
        if {"page": "page", "nextToken": "next_token"}[name] in route.query.model_fields
    }
)


@pytest.fixture
def lists(plain: Api, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every list of things, and what its cursor is called, at a server to which all cursors are for all its lists."""
    monkeypatch.setattr(paging, "_digest", lambda _bound_to: _KNOWN)
    session, store = plain.session(), plain.post("/v1/memory_stores", name="Notes")["id"]
    inner = [f"/v1/sessions/{session}/{part}" for part in ("resources", "threads", "events")]
    inner += [f"/v1/memory_stores/{store}/{part}" for part in ("entries", "memories", "memory_versions")]
    return LISTS + [(path, "page") for path in inner]


@pytest.mark.parametrize("place", [*PLACES.values(), None], ids=[*PLACES, "no end"])
def test_no_cursor_is_more_than_a_bad_request(
    plain: Api, raw_sdk: Api, lists: list[tuple[str, str]], place: Any
) -> None:
    sent = DEEP if place is None else token(place)
    for path, name in lists:
        for client in (plain, raw_sdk):
            answer = client.call("GET", path, params={name: sent})
            assert answer.status_code in (200, 400), f"{path}: {answer.text}"
