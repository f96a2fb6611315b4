"""Dreams for plain clients: a session of its own reads memories and transcripts and writes the memories anew."""

import json
from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of, wait_for


def call(name: str, **fields: Any) -> list[Json]:
    """The model's answer that uses a tool."""
    return [{"type": "tool_use", "name": name, "input": fields}]


def scripted(model: FakeModel, mark: str, *answers: list[Json]) -> None:
    """What the dreaming model answers, one request after another."""
    said: list[list[Json]] = [*answers, [{"type": "text", "text": "All is tidy."}]]
    model.script(*({"blocks": blocks, "match": mark} for blocks in said))


@pytest.fixture
def store(api: Api) -> str:
    """A store with two memories."""
    made = api.post("/v1/memory_stores", name="Notes")["id"]
    for path, content in (("/tea.md", "They drink tea."), ("/old.md", "It rains today.")):
        api.ok("POST", f"/v1/memory_stores/{made}/memories", {"path": path, "content": content})
    return str(made)


@pytest.fixture
def session(api: Api) -> str:
    """A session in which something was said."""
    made = api.session()
    api.turn(made, 'say:"You prefer coffee"')
    return made


@pytest.fixture
def dream(api: Api, store: str, session: str) -> Any:
    """Starts dreams of the store and the session; the mark finds the requests of its session."""

    def make(mark: str = "", **fields: Any) -> Json:
        inputs = [
            {"type": "memory_store", "memory_store_id": store},
            {"type": "sessions", "session_ids": [session]},
        ]
        basis: Json = {"inputs": inputs, "model": "claude-test"} | ({"instructions": mark} if mark else {})
        return api.post("/v1/dreams", **(basis | fields))

    return make


def ended(api: Api, dream: Json) -> Json:
    """The dream, once it has ended."""

    def look() -> Json | None:
        found = api.get(f"/v1/dreams/{dream['id']}")
        return found if found["status"] in ("completed", "failed", "canceled") else None

    found: Json = wait_for(look, "the dream to end")
    return found


def working(api: Api, dream: Json) -> Json:
    """The dream, once its session is at work."""

    def look() -> Json | None:
        found = api.get(f"/v1/dreams/{dream['id']}")
        return found if found["session_id"] else None

    found: Json = wait_for(look, "the dream to begin")
    return found


def held_by(api: Api, store: str) -> dict[str, str]:
    """What a store holds, by path."""
    found = api.get(f"/v1/memory_stores/{store}/memories", view="full")["data"]
    return {one["path"]: one["content"] for one in found}


def results(log: list[Json]) -> list[str]:
    """What the tools said."""
    return [one["content"][0]["text"] for one in log if one["type"] == "agent.tool_result"]


def test_a_dream_writes_a_new_store_and_leaves_the_one_it_reads(
    api: Api, model: FakeModel, dream: Any, store: str, session: str
) -> None:
    scripted(
        model,
        "mark-new",
        call("list_memories"),
        call("read_memory", path="/tea.md"),
        call("read_session", session_id=session),
        call("keep_memory", path="/tea.md", new_path="/drinks/tea.md"),
        call("write_memory", path="/drinks/coffee.md", content="They prefer coffee."),
        call("write_memory", path="/x.md", content="x"),
        call("delete_memory", path="/x.md"),
    )
    made = dream("mark-new")
    assert (made["status"], made["outputs"], made["session_id"], made["error"]) == ("pending", [], None, None)
    assert made["usage"]["input_tokens"] == 0
    found = ended(api, made)
    assert (found["status"], found["error"], found["instructions"]) == ("completed", None, "mark-new")
    assert (found["model"]["id"], found["output_behavior"]) == ("claude-test", {"type": "create_new"})
    output = found["outputs"][0]["memory_store_id"]
    assert output != store
    assert held_by(api, output) == {"/drinks/tea.md": "They drink tea.", "/drinks/coffee.md": "They prefer coffee."}
    assert held_by(api, store) == {"/tea.md": "They drink tea.", "/old.md": "It rains today."}
    told = results(api.log(found["session_id"]))
    assert told[0] == "/old.md (15 bytes)\n/tea.md (15 bytes)"
    assert told[1] == "They drink tea."
    assert "agent: You prefer coffee" in told[2]
    assert found["usage"]["input_tokens"] == 80
    assert found["usage"]["output_tokens"] > 0
    assert found["ended_at"] >= found["created_at"]
    version = api.get(f"/v1/memory_stores/{output}/memory_versions")["data"][0]
    assert found["session_id"] in json.dumps(version)


def test_a_dream_can_change_the_store_it_reads_and_only_one_at_a_time(
    api: Api, model: FakeModel, dream: Any, store: str
) -> None:
    model.hold(at="arrival", match="mark-same")
    scripted(model, "mark-same", call("delete_memory", path="/old.md"))
    same = {"type": "update_existing", "memory_store_id": store}
    made = dream("mark-same", output_behavior=same)
    assert made["output_behavior"] == same
    model.wait_held(1)
    inputs = made["inputs"]
    second = api.call("POST", "/v1/dreams", {"inputs": inputs, "model": "claude-test", "output_behavior": same})
    assert second.status_code == 409
    model.release()
    assert ended(api, made)["outputs"] == [{"type": "memory_store", "memory_store_id": store}]
    assert held_by(api, store) == {"/tea.md": "They drink tea."}
    assert ended(api, dream(output_behavior=same))["status"] == "completed"


def test_the_output_of_an_active_dream_is_neither_archived_nor_deleted(api: Api, model: FakeModel, dream: Any) -> None:
    model.hold(at="arrival", match="mark-held")
    found = working(api, dream("mark-held"))
    output = f"/v1/memory_stores/{found['outputs'][0]['memory_store_id']}"
    for method, path in (("POST", f"{output}/archive"), ("DELETE", output)):
        assert api.call(method, path).status_code == 400
    model.release()
    assert ended(api, found)["status"] == "completed"
    api.post(f"{output}/archive")
    assert api.call("DELETE", output).status_code == 200


def test_a_dream_is_canceled_and_then_archived(api: Api, model: FakeModel, dream: Any) -> None:
    found = working(api, dream("hang"))
    path = f"/v1/dreams/{found['id']}"
    assert api.call("POST", f"{path}/archive").status_code == 400
    canceled = api.post(f"{path}/cancel")
    assert canceled["status"] == "canceled"
    assert canceled["ended_at"] is not None
    assert api.post(f"{path}/cancel")["ended_at"] == canceled["ended_at"]
    assert api.wait_idle(found["session_id"])["status"] == "idle"
    archived = api.post(f"{path}/archive")
    assert archived["archived_at"] == api.post(f"{path}/archive")["archived_at"] is not None
    assert api.get("/v1/dreams")["data"] == []
    assert [one["id"] for one in api.get("/v1/dreams", include_archived="true")["data"]] == [found["id"]]
    done = ended(api, dream())
    assert api.call("POST", f"/v1/dreams/{done['id']}/cancel").status_code == 400
    model.release()


def test_the_tools_of_a_dream_that_was_canceled_do_nothing_more(api: Api, model: FakeModel, dream: Any) -> None:
    model.hold(at="arrival", match="mark-late")
    found = working(api, dream("mark-late"))
    api.post(f"/v1/dreams/{found['id']}/cancel")
    model.release()
    api.wait_idle(found["session_id"])
    scripted(model, "go on", call("write_memory", path="/late.md", content="x"))
    log = api.turn(found["session_id"], "go on")
    assert "canceled" in results(log)[-1]
    assert held_by(api, found["outputs"][0]["memory_store_id"]) == {}


def test_transcripts_of_other_sessions_stay_closed(api: Api, model: FakeModel, dream: Any) -> None:
    other = api.session()
    api.turn(other, 'say:"private matters"')
    scripted(model, "mark-other", call("read_session", session_id=other), call("read_memory", path="/none"))
    log = api.log(ended(api, dream("mark-other"))["session_id"])
    assert [text.startswith("Error: ") for text in results(log)] == [True, True]
    assert "private matters" not in "".join(results(log))


def test_a_model_that_fails_fails_the_dream(api: Api, dream: Any) -> None:
    found = ended(api, dream("error:400"))
    assert (found["status"], found["error"]["type"]) == ("failed", "session_failed")
    assert found["error"]["message"]
    assert text_of(api.log(found["session_id"])) == []


def test_what_is_not_whole_is_refused(api: Api, store: str, session: str) -> None:
    reads, talks = (
        {"type": "memory_store", "memory_store_id": store},
        {"type": "sessions", "session_ids": [session]},
    )
    good: Json = {"inputs": [reads, talks], "model": "claude-test"}
    other = api.post("/v1/memory_stores", name="Other")["id"]
    closed = api.post("/v1/memory_stores", name="Closed")["id"]
    api.post(f"/v1/memory_stores/{closed}/archive")
    for status, change in (
        (400, {"inputs": [reads]}),
        (400, {"inputs": [reads, reads]}),
        (400, {"inputs": [reads, talks | {"session_ids": []}]}),
        (400, {"inputs": [reads, talks | {"session_ids": [session] * 2}]}),
        (400, {"inputs": [reads, talks | {"session_ids": [session] * 101}]}),
        (400, {"inputs": [reads | {"memory_store_id": closed}, talks]}),
        (404, {"inputs": [reads, talks | {"session_ids": [f"sesn_{'0' * 32}"]}]}),
        (404, {"inputs": [reads | {"memory_store_id": f"memstore_{'0' * 32}"}, talks]}),
        (400, {"model": None}),
        (400, {"model": {"id": "claude-test", "speed": "fast"}}),
        (400, {"instructions": ""}),
        (400, {"instructions": "x" * 4097}),
        (400, {"output_behavior": {"type": "update_existing", "memory_store_id": other}}),
    ):
        assert api.call("POST", "/v1/dreams", good | change).status_code == status, change
    assert api.get("/v1/dreams")["data"] == []
    assert api.call("GET", "/v1/dreams?statuses=odd").status_code == 400


def test_clients_cannot_make_agents_with_the_tools_of_dreams(api: Api) -> None:
    tool = {"type": "custom", "name": "x", "description": "x", "input_schema": {"type": "object"}}
    tool["execution"] = {"type": "dream", "dream_id": "drm_x"}
    answer = api.call("POST", "/v1/agents", {"name": "x", "model": "claude-test", "tools": [tool]})
    assert answer.status_code == 400
