"""Memory stores for plain clients: writing by path, versions, preconditions, redaction, latest entries, search."""

import hashlib

import pytest

from tests.support.api import SDK_HEADERS, Api, Json

NOTE = "The user drinks oat milk in the morning and never takes sugar."


@pytest.fixture
def store(api: Api) -> str:
    return str(api.post("/v1/memory_stores", name="Notes of mine", description="What is known")["id"])


def write(api: Api, store: str, path: str, content: str, **more: object) -> Json:
    """A memory written by path."""
    return api.ok("POST", f"/v1/memory_stores/{store}/memories", {"path": path, "content": content} | more)


def refused(api: Api, method: str, path: str, body: Json, status: int, kind: str) -> str:
    """A request that must fail; its message."""
    answer = api.call(method, path, body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind), answer.text
    return str(answer.json()["error"]["message"])


def versions(api: Api, store: str, **query: object) -> list[Json]:
    """A store's versions."""
    found: list[Json] = api.get(f"/v1/memory_stores/{store}/memory_versions", **query)["data"]
    return found


def test_a_store_leaves_out_what_is_empty(api: Api) -> None:
    made = api.post("/v1/memory_stores", name="Bare")
    assert made["type"] == "memory_store"
    assert not {"description", "archived_at", "agent_id"} & set(made)
    assert {"embedding_model", "vector_index", "created_at", "updated_at"} <= set(made)
    named = api.post("/v1/memory_stores", agent_id="agent_1")
    assert "agent_1" in named["name"]
    assert named["agent_id"] == "agent_1"
    found = api.get("/v1/memory_stores", agent_id="agent_1")["data"]
    assert [one["id"] for one in found] == [named["id"]]
    refused(api, "POST", "/v1/memory_stores", {}, 400, "invalid_request")


@pytest.mark.parametrize("verb", ["POST", "PATCH", "PUT"])
def test_an_update_of_a_store_is_partial(api: Api, store: str, verb: str) -> None:
    after = api.ok(verb, f"/v1/memory_stores/{store}", {"description": ""})
    assert after["name"] == "Notes of mine"
    assert "description" not in after


def test_writing_by_path_again_makes_another_version(api: Api, store: str) -> None:
    first = write(api, store, "likes.md", "tea")
    second = write(api, store, "likes.md", "coffee")
    assert first["id"] == second["id"]
    assert (first["path"], second["content"]) == ("likes.md", "coffee")
    digest = hashlib.sha256(b"coffee").hexdigest()
    assert (second["content_sha256"], second["etag"], second["size_bytes"]) == (digest, digest, 6)
    listed = versions(api, store, memory_id=first["id"])
    assert [one["operation"] for one in listed] == ["modified", "created"]
    assert all("content" not in one for one in listed)
    old = api.get(f"/v1/memory_stores/{store}/memory_versions/{listed[1]['id']}")
    assert (old["content"], old["actor"]["type"]) == ("tea", "api_key")
    read = api.get(f"/v1/memory_stores/{store}/memories/{first['id']}")
    assert read["content"] == "coffee"
    assert not {"archived_at", "redacted"} & set(read)


def test_a_failed_precondition_changes_nothing(api: Api, store: str) -> None:
    made = write(api, store, "/a", "one")
    place = f"/v1/memory_stores/{store}/memories"
    absent: Json = {"path": "/a", "content": "two", "precondition": {"type": "not_exists"}}
    refused(api, "POST", place, absent, 409, "conflict")
    wrong: Json = {"content": "two", "precondition": {"type": "content_sha256", "content_sha256": "0" * 64}}
    refused(api, "PATCH", f"{place}/{made['id']}", wrong, 409, "conflict")
    refused(api, "POST", place, wrong | {"path": "/a"}, 409, "conflict")
    refused(api, "POST", place, wrong | {"path": "/b"}, 409, "conflict")
    gone = api.call("DELETE", f"{place}/{made['id']}", params={"expected_content_sha256": "0" * 64})
    assert gone.status_code == 409
    assert api.get(f"{place}/{made['id']}")["content"] == "one"
    assert len(versions(api, store)) == 1
    fits: Json = {"type": "content_sha256", "content_sha256": made["content_sha256"]}
    assert api.ok("PATCH", f"{place}/{made['id']}", {"content": "two", "precondition": fits})["content"] == "two"


def test_sizes_and_paths_are_bounded(api: Api, store: str) -> None:
    place = f"/v1/memory_stores/{store}/memories"
    large = refused(api, "POST", place, {"path": "/a", "content": "x" * 102_401}, 400, "invalid_request")
    assert "100KB" in large
    write(api, store, "/a", "\u00e9" * 51_200)
    for path in ("../x", "/a/../b", "/", "", "/a//b", "/a/", "/a\nb", "/" + "/".join("x" * 21), "/" + "x" * 1024):
        refused(api, "POST", place, {"path": path, "content": "x"}, 400, "invalid_request")
    assert len(api.get(place)["data"]) == 1


def test_every_version_but_the_current_one_can_be_redacted(api: Api, store: str) -> None:
    made = write(api, store, "a", "one")
    write(api, store, "a", "two")
    new, old = versions(api, store)
    place = f"/v1/memory_stores/{store}/memory_versions"
    blank = api.post(f"{place}/{old['id']}/redact")
    assert blank["redacted"] is True
    assert not {"content", "path", "content_sha256", "size_bytes"} & set(blank)
    assert "content" not in api.get(f"{place}/{old['id']}")
    assert api.post(f"{place}/{old['id']}/redact")["redacted_at"] == blank["redacted_at"]
    refused(api, "POST", f"{place}/{new['id']}/redact", {}, 409, "conflict")
    assert api.get(f"{place}/{new['id']}")["content"] == "two"
    api.ok("DELETE", f"/v1/memory_stores/{store}/memories/{made['id']}")
    assert api.post(f"{place}/{new['id']}/redact")["redacted"] is True


def test_lists_show_folders_on_demand_and_any_prefix(api: Api, store: str) -> None:
    for path in ("notes/a", "notes/b/c", "notes/b/d", "/nothing", "zoo"):
        write(api, store, path, path)
    place = f"/v1/memory_stores/{store}/memories"

    def paths(**query: object) -> list[str]:
        return [one["path"] for one in api.get(place, **query)["data"]]

    assert paths() == ["notes/a", "notes/b/c", "notes/b/d", "/nothing", "zoo"]
    assert paths(depth=1) == ["/notes/", "/nothing", "zoo"]
    assert paths(path_prefix="no") == ["notes/a", "notes/b/c", "notes/b/d", "/nothing"]
    assert paths(prefix="/notes/", depth=1) == ["notes/a", "/notes/b/"]
    assert all("content" not in one for one in api.get(place)["data"])
    assert {one["content"] for one in api.get(place, view="full")["data"]} >= {"notes/a", "zoo"}
    first = api.get(place, depth=1, limit=1)
    assert [one["path"] for one in first["data"]] == ["/notes/"]
    second = api.get(place, depth=1, limit=1, cursor=first["next_cursor"])
    assert [one["path"] for one in second["data"]] == ["/nothing"]


def test_entries_come_with_the_latest_change_first(api: Api, store: str) -> None:
    for path in ("a", "b", "c"):
        write(api, store, path, path)
    write(api, store, "a", "again")
    place = f"/v1/memory_stores/{store}/entries"
    found = api.get(place)["data"]
    assert [(one["path"], one["content"]) for one in found] == [("a", "again"), ("c", "c"), ("b", "b")]
    first = api.get(place, limit=2)
    rest = api.get(place, limit=2, cursor=first["next_cursor"])
    assert [one["path"] for one in first["data"] + rest["data"]] == ["a", "c", "b"]
    assert rest["next_cursor"] is None


def test_search_finds_by_words_and_by_sense(api: Api, store: str) -> None:
    write(api, store, "drinks.md", NOTE)
    write(api, store, "car.md", "The garage replaced the brakes of the car last autumn.")
    write(api, store, "work.md", "Quarterly figures are due on the fifth of each month.")
    place = f"/v1/memory_stores/{store}/search"
    found = api.post(place, query="oat milk without sugar in the morning")["data"]
    assert (found[0]["path"], found[0]["content"]) == ("drinks.md", NOTE)
    assert found[0]["score"] > found[-1]["score"]
    assert [one["path"] for one in api.post(place, query="brakes", limit=1)["data"]] == ["car.md"]
    if api.get(f"/v1/memory_stores/{store}")["embedding_model"] != "lexical":
        assert api.post(place, query="Which breakfast beverage does she like?")["data"][0]["path"] == "drinks.md"
    assert len(api.post(place, query="the", limit=2)["data"]) <= 2
    for query in ("", "  "):
        refused(api, "POST", place, {"query": query}, 400, "invalid_request")


def test_a_deleted_store_is_gone_with_all_that_was_in_it(api: Api, store: str) -> None:
    made = write(api, store, "a", "one")
    assert api.ok("DELETE", f"/v1/memory_stores/{store}") == {"id": store, "type": "memory_store_deleted"}
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/memories"),
        ("GET", f"/memories/{made['id']}"),
        ("GET", "/entries"),
        ("GET", "/memory_versions"),
    ):
        assert api.call(method, f"/v1/memory_stores/{store}{path}").status_code == 404
    refused(api, "POST", f"/v1/memory_stores/{store}/search", {"query": "one"}, 404, "not_found")
    refused(api, "POST", f"/v1/memory_stores/{store}/memories", {"path": "b", "content": "x"}, 404, "not_found")
    assert store not in [one["id"] for one in api.get("/v1/memory_stores", status="any")["data"]]


def test_the_same_key_makes_one_store_and_one_memory(api: Api) -> None:
    headers = {"idempotency-key": "once"}
    made = [api.ok("POST", "/v1/memory_stores", {"name": "x"}, headers=headers)["id"] for _ in range(2)]
    assert made[0] == made[1]
    place, body = f"/v1/memory_stores/{made[0]}/memories", {"path": "a", "content": "b"}
    ids = [api.ok("POST", place, body, headers=headers)["id"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(versions(api, made[0])) == 1


def test_sessions_show_and_bound_their_stores(api: Api, store: str) -> None:
    stores = [store, *(api.post("/v1/memory_stores", name="Notes of mine")["id"] for _ in range(8))]
    agent, place = api.agent(), api.environment()["id"]

    def body(*ids: str) -> Json:
        wanted = [{"type": "memory_store", "memory_store_id": one} for one in ids]
        return {"agent": agent["id"], "environment_id": place, "resources": wanted}

    for bad in (stores, [store, store]):
        refused(api, "POST", "/v1/sessions", body(*bad), 422, "invalid_request")
        as_sdk = api.call("POST", "/v1/sessions", body(*bad), headers=SDK_HEADERS)
        assert (as_sdk.status_code, as_sdk.json()["error"]["type"]) == (400, "invalid_request_error")
    session = api.post("/v1/sessions", **body(*stores[:2]))
    shown = session["resources"]
    assert [one["mount_path"] for one in shown] == ["/mnt/memory/notes-of-mine", "/mnt/memory/notes-of-mine-2"]
    assert (shown[0]["access"], shown[0]["description"]) == ("read_write", "What is known")
    attached = f"/v1/sessions/{session['id']}/memory_stores"
    more = api.post(attached, memory_store_id=stores[2], access="read_only", instructions="x" * 5000)
    assert (more["access"], len(more["instructions"]), more["type"]) == ("read_only", 4096, "memory_store")
    refused(api, "POST", attached, {"memory_store_id": stores[2]}, 422, "invalid_request")
    assert [one["memory_store_id"] for one in api.get(attached)["data"]] == stores[:3]
    found = api.get("/v1/sessions", memory_store_id=stores[2])["data"]
    assert [one["id"] for one in found] == [session["id"]]
    api.ok("DELETE", f"/v1/sessions/{session['id']}/resources/{more['id']}")
    assert api.get("/v1/sessions", memory_store_id=stores[2])["data"] == []
    api.post(f"/v1/memory_stores/{stores[3]}/archive")
    refused(api, "POST", attached, {"memory_store_id": stores[3]}, 400, "invalid_request")


def test_the_store_of_an_agent_attaches_itself(api: Api, store: str) -> None:
    agent = api.agent(memory_store_id=store)
    own = api.get(f"/v1/sessions/{api.session(agent)}")["resources"]
    assert [one["memory_store_id"] for one in own] == [store]
    named = {"type": "memory_store", "memory_store_id": store, "access": "read_only"}
    (only,) = api.get(f"/v1/sessions/{api.session(agent, resources=[named])}")["resources"]
    assert only["access"] == "read_only"
