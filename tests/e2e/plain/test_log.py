"""Reading the log as JSON: pages, order, cursors, filters, and a log of thousands of events."""

from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, types_of

HIDDEN = ("input.", "run.", "step.", "permission.", "compaction.")


@pytest.fixture
def session(api: Api, model: FakeModel) -> str:
    """A session with two turns behind it."""
    made = api.session()
    api.turn(made, 'say:"one"')
    api.turn(made, 'say:"two"')
    return made


def _page(api: Api, session: str, **query: Any) -> Json:
    return api.get(f"/v1/sessions/{session}/events", **query)


def _all(api: Api, session: str, **query: Any) -> list[Json]:
    found, page = [], _page(api, session, **query)
    found += page["data"]
    while page["has_more"]:
        page = _page(api, session, **query, page=page["next_page"])
        found += page["data"]
    assert page["next_page"] is None
    return found


def test_numbers_grow_ids_are_unique_and_time_never_falls(api: Api, session: str) -> None:
    log = api.log(session)
    assert_whole(log)
    assert types_of(log).count("session.status_idle") == 2
    assert all(event["ts"] > 1_600_000_000_000 for event in log)
    assert not [kind for kind in types_of(log) if kind.startswith(HIDDEN)]


def test_a_row_holds_the_event_flat_and_whole(api: Api, session: str) -> None:
    for row in _page(api, session)["data"]:
        assert row["session_id"] == session
        assert row["created_at"]
        assert row["data"] == {
            key: value for key, value in row.items() if key not in ("seq", "ts", "session_id", "created_at", "data")
        }
        assert row["data"]["type"] == row["type"]


def test_pages_after_a_number_make_up_the_log(api: Api, session: str) -> None:
    log, found, after = api.log(session), [], 0
    while True:
        page = _page(api, session, limit=3, after_seq=after)
        assert len(page["data"]) <= 3
        found += page["data"]
        if not page["has_more"]:
            break
        after = page["data"][-1]["seq"]
        assert page["next_page"] == page["next_cursor"] == f"seq_{after}"
    assert found == log


@pytest.mark.parametrize("limit", [1, 3, 4, 1000])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_cursors_reach_every_event_in_the_order_asked_for(api: Api, session: str, order: str, limit: int) -> None:
    log = api.log(session)
    found = _all(api, session, limit=limit, order=order)
    assert found == (log if order == "asc" else log[::-1])


def test_a_lower_bound_holds_in_both_orders(api: Api, session: str) -> None:
    log = api.log(session)
    middle = log[len(log) // 2]["seq"]
    later = [event for event in log if event["seq"] > middle]
    assert _all(api, session, after_seq=middle, limit=2) == later
    assert _all(api, session, after_seq=middle, limit=2, order="desc") == later[::-1]
    assert _page(api, session, after_seq=log[-1]["seq"])["data"] == []


def test_a_later_read_gives_exactly_what_was_added(api: Api, session: str) -> None:
    before = api.log(session)
    after = api.turn(session, 'say:"three"')
    assert after[: len(before)] == before
    assert _all(api, session, after_seq=before[-1]["seq"]) == after[len(before) :]


@pytest.mark.parametrize("limit", ["0", "5000", "x", "-1", "1.5", "²", "9" * 5000])
def test_a_strange_limit_is_not_an_error(api: Api, session: str, limit: str) -> None:
    page = _page(api, session, limit=limit)
    assert page["data"] == api.log(session)


def test_unreadable_cursors_and_bounds_mean_the_beginning(api: Api, session: str) -> None:
    assert _page(api, session, page="seq_many")["data"] == api.log(session)
    assert _page(api, session, after_seq="soon")["data"] == api.log(session)


def test_types_and_dates_filter_the_log(api: Api, session: str) -> None:
    path = f"/v1/sessions/{session}/events"
    chosen = ["user.message", "agent.message"]
    for query in ("types[]=user.message&types[]=agent.message", "types=user.message&types=agent.message"):
        found = api.ok("GET", f"{path}?{query}")["data"]
        assert types_of(found) == chosen * 2
    first = api.log(session)[0]
    assert _page(api, session, **{"created_at[lt]": first["created_at"]})["data"] == []
    assert len(_page(api, session, **{"created_at[gte]": first["created_at"]})["data"]) == len(api.log(session))
    assert api.call("GET", path, params={"created_at[gt]": "soon"}).status_code == 400
    assert api.call("GET", path, params={"order": "sideways"}).status_code == 400


def test_a_log_of_thousands_is_complete_by_pages_as_a_whole_and_replayed(api: Api, model: FakeModel) -> None:
    session = api.session()
    for turn in range(34):
        batch = [message(f"{turn}.{number}") for number in range(89)]
        assert api.send(session, *batch, params={"input": "steer"}).status_code == 202
        api.wait_idle(session)
    log = api.log(session)
    assert len(log) >= 3000
    assert_whole(log)
    said = [event["content"][0]["text"] for event in log if event["type"] == "user.message"]
    assert said == [f"{turn}.{number}" for turn in range(34) for number in range(89)]
    assert _all(api, session, limit=700) == log
    assert [len(_page(api, session, limit=limit)["data"]) for limit in (5000, 0)] == [1000, 100]
    stream = api.stream(f"/v1/sessions/{session}/events/stream?replay=1&include=chunks")
    stream.wait("session.status_idle", 34)
    stream.close()
    assert [int(frame.id) for frame in stream.frames if frame.id] == [event["seq"] for event in log]
