"""Sessions of plain clients: making, pinning, listing, changing, ending and removing them, and their files."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of, types_of, wait_for
from tests.support.server import Server


def _heard(api: Api, session: str) -> Json:
    """What the model was given, by its own account."""
    heard: Json = json.loads(text_of(api.turn(session, "echo"))[-1])
    return heard


def _timeless(shown: Json) -> Json:
    """Without the figures that grow with time."""
    return {key: value for key, value in shown.items() if key != "stats"}


@pytest.mark.parametrize("alias", [False, True])
@pytest.mark.parametrize("as_object", [False, True])
def test_a_session_starts_idle_and_empty(api: Api, alias: bool, as_object: bool) -> None:
    agent, environment = api.agent(), api.environment()
    names = ("agent_id", "environment") if alias else ("agent", "environment_id")
    body: Json = {
        names[0]: {"id": agent["id"]} if as_object else agent["id"],
        names[1]: {"id": environment["id"]} if as_object and alias else environment["id"],
        "title": "First",
        "metadata": {"a": "1"},
    }
    made = api.call("POST", "/v1/sessions", body)
    assert made.status_code == 201, made.text
    session = made.json()
    assert session["type"] == "session"
    assert session["status"] == "idle"
    assert (session["agent_id"], session["agent_version"]) == (agent["id"], 1)
    assert session["agent"]["id"] == agent["id"]
    assert session["environment_id"] == environment["id"]
    assert (session["title"], session["metadata"]) == ("First", {"a": "1"})
    assert session["usage"]["input_tokens"] == session["usage"]["output_tokens"] == 0
    assert session["archived_at"] is session["terminated_at"] is None
    assert api.log(session["id"]) == []
    assert api.get(f"/v1/sessions/{session['id']}/events")["data"] == []


def test_a_default_environment_of_the_agent_is_enough(api: Api) -> None:
    environment = api.environment()
    agent = api.agent(environment_id=environment["id"])
    assert api.post("/v1/sessions", agent=agent["id"])["environment_id"] == environment["id"]


def test_what_a_session_is_made_of_must_be_given_and_exist(api: Api) -> None:
    agent, environment = api.agent()["id"], api.environment()["id"]
    cases: list[tuple[int, Json]] = [
        (400, {"environment_id": environment}),
        (404, {"agent": "agent_unknown", "environment_id": environment}),
        (404, {"agent": {"id": agent, "version": 9}, "environment_id": environment}),
        (400, {"agent": agent}),
        (404, {"agent": agent, "environment_id": "env_unknown"}),
        (404, {"agent": agent, "environment_id": environment, "vault_ids": ["vlt_unknown"]}),
        (
            404,
            {
                "agent": agent,
                "environment_id": environment,
                "resources": [{"type": "file", "file_id": "file_unknown"}],
            },
        ),
    ]
    for status, body in cases:
        answer = api.call("POST", "/v1/sessions", body)
        assert answer.status_code == status, f"{body}: {answer.text}"
    assert api.get("/v1/sessions")["data"] == []


def test_a_pinned_version_is_what_the_model_gets(api: Api, model: FakeModel) -> None:
    agent = api.agent(system="prompt 1")
    for number in (2, 3):
        api.ok("PATCH", f"/v1/agents/{agent['id']}", {"system": f"prompt {number}"})
    body = {"agent": {"id": agent["id"], "version": 1}, "environment_id": api.environment()["id"]}
    session = api.post("/v1/sessions", **body)
    assert session["agent_version"] == 1
    assert "prompt 1" in _heard(api, session["id"])["system"]


def test_a_later_update_of_the_agent_does_not_reach_the_session(api: Api, model: FakeModel) -> None:
    agent = api.agent(system="prompt 1")
    session = api.session(agent)
    assert "prompt 1" in _heard(api, session)["system"]
    api.ok("PATCH", f"/v1/agents/{agent['id']}", {"system": "prompt 2", "model": "claude-other"})
    heard = _heard(api, session)
    assert "prompt 1" in heard["system"]
    assert "prompt 2" not in heard["system"]
    assert heard["model"] == "claude-test"
    assert "prompt 2" in _heard(api, api.session(agent))["system"]


def test_initial_events_start_the_first_turn(api: Api, model: FakeModel) -> None:
    session = api.session(initial_events=[message('say:"at once"')])
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["at once"]


def test_sessions_are_found_by_agent_title_and_status(api: Api, model: FakeModel) -> None:
    one, two = api.agent(), api.agent()
    first = api.session(one, title="Monday report")
    second = api.session(two, title="Tuesday")
    model.hold(match="wait here")
    api.say(second, "wait here")

    def found(**query: str) -> list[str]:
        return [session["id"] for session in api.get("/v1/sessions", **query)["data"]]

    assert found() == [second, first]
    assert found(order="asc") == [first, second]
    assert found(agent_id=one["id"]) == [first]
    assert found(q="REPORT") == [first]
    assert found(status="running") == [second]
    assert found(status="idle") == [first]
    model.release()
    api.wait_idle(second)
    assert found(status="idle") == [second, first]
    refused = api.call("GET", "/v1/sessions", params={"status": "done"})
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_status"


def test_pages_of_sessions_go_both_ways(api: Api) -> None:
    agent, environment = api.agent(), api.environment()["id"]
    made = [api.session(agent, environment_id=environment) for _ in range(5)]
    first = api.get("/v1/sessions", limit=2)
    second = api.get("/v1/sessions", limit=2, page=first["next_page"])
    third = api.get("/v1/sessions", limit=2, cursor=second["next_cursor"])
    assert [one["id"] for page in (first, second, third) for one in page["data"]] == made[::-1]
    assert third["next_page"] is None
    assert third["has_more"] is False
    assert first["prev_page"] is None
    back = api.get("/v1/sessions", limit=2, page=second["prev_page"])
    assert [one["id"] for one in back["data"]] == [one["id"] for one in first["data"]]


def test_an_archived_session_keeps_its_log_and_takes_nothing(api: Api, model: FakeModel) -> None:
    session = api.session()
    before = api.turn(session, "hello")
    path = f"/v1/sessions/{session}"
    first = api.post(f"{path}/archive")
    assert first["status"] == "terminated"
    assert first["terminated_at"] is not None
    assert api.post(f"{path}/archive")["archived_at"] == first["archived_at"] is not None
    for route, body in (
        ("events", {"events": [message("x")]}),
        ("events", {"events": [{"type": "user.interrupt"}]}),
        ("messages", {"content": "x"}),
    ):
        refused = api.call("POST", f"{path}/{route}", body)
        assert refused.status_code == 409
        assert refused.json()["error"]["type"] == "conflict"
    log = api.log(session)
    assert log[: len(before)] == before
    assert types_of(log)[-1] == "session.status_terminated"
    assert api.get("/v1/sessions")["data"] == []
    assert [one["id"] for one in api.get("/v1/sessions", archived="true")["data"]] == [session]
    assert [one["id"] for one in api.get("/v1/sessions", include_archived="true")["data"]] == [session]


def test_a_deleted_session_is_unknown_everywhere(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "hello")
    path = f"/v1/sessions/{session}"
    stream = api.stream(f"{path}/events/stream")
    assert api.ok("DELETE", path) == {"id": session, "type": "session_deleted"}
    stream.wait("session.deleted")
    assert stream.ended.wait(5)
    for method, rest, body in (
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/log", None),
        ("GET", "/events/stream", None),
        ("GET", "/pending", None),
        ("GET", "/threads", None),
        ("POST", "/events", {"events": [message("x")]}),
        ("POST", "/messages", {"content": "x"}),
        ("POST", "/archive", None),
        ("POST", "/cancel", None),
        ("PATCH", "", {"title": "x"}),
        ("DELETE", "", None),
    ):
        answer = api.call(method, path + rest, body)
        assert answer.status_code == 404, f"{method} {rest}: {answer.status_code}"
    assert api.get("/v1/sessions", include_archived="true")["data"] == []


def test_deleting_a_session_at_work_stops_its_model_call(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=2, match="delete me")
    api.say(session, "delete me tokens:5")
    model.wait_held()
    assert api.call("DELETE", f"/v1/sessions/{session}").status_code == 200
    model.wait_disconnected(timeout=3)


def test_archiving_wins_over_messages_that_come_at_the_same_time(server: Server, key: str, model: FakeModel) -> None:
    def sent(session: str, client: Api, archives: bool) -> int:
        if archives:
            return client.call("POST", f"/v1/sessions/{session}/archive").status_code
        return client.say(session, "tokens:1").status_code

    with ExitStack() as left, ThreadPoolExecutor(8) as threads:
        clients = [left.enter_context(closing(Api(server.url, key))) for _ in range(8)]
        archiving = [place % 4 == 0 for place in range(8)]
        for _ in range(3):
            session = clients[0].session()
            codes = list(threads.map(sent, [session] * 8, clients, archiving))
            assert [code for code, archives in zip(codes, archiving, strict=True) if archives] == [200, 200]
            assert {code for code, archives in zip(codes, archiving, strict=True) if not archives} <= {202, 409}
            assert clients[0].status(session) == "terminated"
            assert_whole(clients[0].log(session))


def test_archiving_a_session_at_work_stops_it_first(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=2, match="archive me")
    api.say(session, "archive me tokens:5")
    model.wait_held()
    assert api.post(f"/v1/sessions/{session}/archive")["status"] == "terminated"
    model.wait_disconnected(timeout=3)
    log = api.log(session)
    assert "user.interrupt" in types_of(log)
    assert types_of(log)[-1] == "session.status_terminated"


def _file(api: Api, content: str = "words") -> str:
    return str(api.post("/v1/files", filename="a.txt", content=content, media_type="text/plain")["id"])


def test_a_session_takes_many_files_but_not_more_than_five_hundred(api: Api) -> None:
    one = {"type": "file", "file_id": _file(api)}
    many = [one | {"mount_path": f"{number}.txt"} for number in range(501)]
    session = api.session(resources=many[:101])
    assert len(api.get(f"/v1/sessions/{session}")["resources"]) == 101
    body = {"agent": api.agent()["id"], "environment_id": api.environment()["id"], "resources": many}
    refused = api.call("POST", "/v1/sessions", body)
    assert (refused.status_code, "500" in refused.text) == (400, True)


def test_files_are_attached_listed_and_detached(api: Api) -> None:
    session, file = api.session(), _file(api)
    path = f"/v1/sessions/{session}/resources"
    added = api.call("POST", path, {"type": "file", "file_id": file})
    assert added.status_code == 201
    resource = added.json()
    assert resource["type"] == "file"
    assert resource["session_id"] == session
    assert resource["mount_path"] == f"/mnt/session/uploads/{file}"
    assert api.get(path)["data"] == [resource]
    assert api.get(f"{path}/{resource['id']}") == resource
    assert api.get(f"/v1/sessions/{session}")["resources"] == [resource]
    removed = api.ok("DELETE", f"{path}/{resource['id']}")
    assert removed == {"id": resource["id"], "type": "resource_deleted"}
    assert api.get(path)["data"] == []
    assert api.call("GET", f"{path}/{resource['id']}").status_code == 404
    assert api.call("DELETE", f"{path}/{resource['id']}").status_code == 404
    assert api.call("GET", f"/v1/files/{file}").status_code == 200
    assert api.call("POST", path, {"type": "file", "file_id": "file_unknown"}).status_code == 404


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT"])
def test_title_and_metadata_change_and_the_agent_does_not(api: Api, method: str) -> None:
    session = api.session(title="Old", metadata={"a": "1", "b": "2"})
    path = f"/v1/sessions/{session}"
    changed = api.ok(method, path, {"title": "New", "metadata": {"a": None, "b": "", "c": "3"}})
    assert (changed["title"], changed["metadata"]) == ("New", {"c": "3"})
    other = api.agent()["id"]
    refusals: list[Any] = [
        {"agent": other},
        {"agent": {"id": other}},
        {"agent": {"version": 2}},
        {"vault_ids": ["vlt_x"]},
    ]
    for body in refusals:
        assert api.call(method, path, body).status_code == 400, body
    assert _timeless(api.get(path)) == _timeless(changed)
    assert api.ok(method, path, {"title": None})["title"] is None


def test_an_idle_sessions_tools_can_change(api: Api, model: FakeModel) -> None:
    session = api.session()
    tool = {"type": "custom", "name": "lookup", "description": "d", "input_schema": {"type": "object"}}
    changed = api.ok("PATCH", f"/v1/sessions/{session}", {"agent": {"tools": [tool]}})
    assert [one["name"] for one in changed["agent"]["tools"]] == ["lookup"]
    assert _heard(api, session)["tools"] == ["lookup"]


def test_a_working_sessions_tools_cannot_change(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(match="keep busy")
    api.say(session, "keep busy")
    tool = {"type": "custom", "name": "late", "description": "d", "input_schema": {"type": "object"}}
    refused = api.call("PATCH", f"/v1/sessions/{session}", {"agent": {"tools": [tool]}})
    assert refused.status_code == 400
    assert api.get(f"/v1/sessions/{session}")["agent"]["tools"] == []
    model.release()
    api.wait_idle(session)


def test_the_primary_thread_is_the_session_itself(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "hello")
    path = f"/v1/sessions/{session}/threads"
    thread = api.get(path)["data"][0]
    assert thread["id"] == "sthr_primary"
    assert thread["status"] == "idle"
    assert _timeless(api.get(f"{path}/sthr_primary")) == _timeless(thread)
    assert api.get(f"{path}/sthr_primary/events")["data"] == log
    for missing in ("", "/events", "/stream", "/events/stream"):
        assert api.call("GET", f"{path}/sthr_other{missing}").status_code == 404
    stream = api.stream(f"{path}/sthr_primary/stream?replay=1")
    stream.wait("session.status_idle")
    stream.close()


def test_the_primary_thread_cannot_be_archived(api: Api) -> None:
    session = api.session()
    assert api.call("POST", f"/v1/sessions/{session}/threads/sthr_primary/archive").status_code == 400
    assert api.call("POST", f"/v1/sessions/{session}/threads/sthr_other/archive").status_code == 404


def test_time_spent_at_work_is_counted_and_stops_at_idle(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "hello")
    path = f"/v1/sessions/{session}"
    first = api.get(path)["stats"]
    assert first["active_seconds"] > 0
    later = wait_for(
        lambda: (s := api.get(path)["stats"])["duration_seconds"] > first["duration_seconds"] and s,
        "time to pass",
        within=5,
    )
    assert later["active_seconds"] == first["active_seconds"]
