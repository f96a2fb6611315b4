"""The shape all lists share, how arrays and cursors may be written, and that pages are never empty before rows."""

import pytest

from tests.support.api import Api

KEYS = {"data", "next_page", "next_cursor", "prev_page", "has_more", "first_id", "last_id"}


@pytest.fixture
def filled(api: Api) -> Api:
    """A tenant with three of everything."""
    agent, environments = api.agent(), [api.environment(name=f"E{number}") for number in range(3)]
    for number, environment in enumerate(environments):
        api.session(agent, environment_id=environment["id"], title=f"S{number}")
        api.post("/v1/files", filename=f"{number}", content="x", media_type="text/plain")
        if number:
            api.agent(name=f"A{number}")
    return api


@pytest.mark.parametrize("noun", ["agents", "environments", "sessions", "files"])
def test_pages_have_one_shape_and_walk_the_whole_list(filled: Api, noun: str) -> None:
    page = filled.get(f"/v1/{noun}", limit=2)
    assert set(page) == KEYS
    assert page["next_page"] == page["next_cursor"] is not None
    assert page["has_more"] is True
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    rest = filled.get(f"/v1/{noun}", limit=2, cursor=page["next_cursor"])
    assert len(rest["data"]) == 1
    assert rest["next_page"] is rest["next_cursor"] is None
    assert rest["has_more"] is False
    ids = [one["id"] for one in [*page["data"], *rest["data"]]]
    assert ids == [one["id"] for one in filled.get(f"/v1/{noun}")["data"]]
    stamps = [one["created_at"] for one in [*page["data"], *rest["data"]]]
    assert stamps == sorted(stamps, reverse=True)


@pytest.mark.parametrize("noun", ["agents", "environments", "sessions", "files"])
def test_an_empty_list_is_a_whole_page(api: Api, noun: str) -> None:
    assert api.get(f"/v1/{noun}") == {
        "data": [],
        "next_page": None,
        "next_cursor": None,
        "prev_page": None,
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }


@pytest.mark.parametrize("noun", ["agents", "environments", "sessions"])
def test_the_last_full_page_has_no_successor(filled: Api, noun: str) -> None:
    page = filled.get(f"/v1/{noun}", limit=3)
    assert len(page["data"]) == 3
    assert page["next_page"] is None


def test_filters_never_give_an_empty_page_before_rows(filled: Api) -> None:
    page = filled.get("/v1/sessions", q="S0", limit=1)
    assert [one["title"] for one in page["data"]] == ["S0"]
    found = filled.get("/v1/environments", q="e0", limit=1)
    assert [one["name"] for one in found["data"]] == ["E0"]


def test_a_cursor_of_another_list_means_the_first_page(filled: Api) -> None:
    cursor = filled.get("/v1/agents", limit=1)["next_page"]
    first = [one["id"] for one in filled.get("/v1/environments")["data"]]
    assert [one["id"] for one in filled.get("/v1/environments", page=cursor)["data"]] == first


def test_a_cursor_of_another_tenant_shows_nothing_of_it(filled: Api, stranger: Api) -> None:
    for noun in ("agents", "environments", "sessions", "files"):
        cursor = filled.get(f"/v1/{noun}", limit=1)["next_page"]
        assert stranger.get(f"/v1/{noun}", page=cursor)["data"] == []


@pytest.mark.parametrize(
    "query",
    ["statuses[]=idle&statuses[]=running", "statuses=idle&statuses=running", "statuses=idle,running", "status=idle"],
)
def test_arrays_may_be_written_in_three_ways(filled: Api, query: str) -> None:
    assert len(filled.ok("GET", f"/v1/sessions?{query}")["data"]) == 3
    assert filled.ok("GET", "/v1/sessions?statuses=running,rescheduling")["data"] == []


def test_objects_made_within_one_moment_are_all_listed_once(api: Api) -> None:
    made = {api.environment(name=f"E{number}")["id"] for number in range(12)}
    found: list[str] = []
    cursor = None
    while True:
        page = api.get("/v1/environments", limit=5, **({"page": cursor} if cursor else {}))
        found += [one["id"] for one in page["data"]]
        cursor = page["next_page"]
        if cursor is None:
            break
    assert len(found) == len(made)
    assert set(found) == made
