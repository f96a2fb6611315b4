"""Forks: where they begin, what they have, and that neither session notices the other."""

import json

import httpx2

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of

TOOLSET: Json = {"type": "agent_toolset_20260401"}


def fork(api: Api, session: str, **body: object) -> Json:
    """A fork that must be made."""
    answer = api.call("POST", f"/v1/sessions/{session}/fork", body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def run(api: Api, session: str, command: str) -> str:
    """What a command of the agent prints."""
    log = api.turn(session, f"tool:bash input:{json.dumps({'command': command})} tokens:2")
    results = [event for event in log if event["type"] == "agent.tool_result"]
    return str(results[-1]["content"][0]["text"])


def told(api: Api, session: str) -> list[Json]:
    """The log without the name of its session."""
    return [{key: value for key, value in event.items() if key != "session_id"} for event in api.log(session)]


def test_a_fork_goes_on_with_the_same_messages_and_starts_its_totals_at_zero(api: Api, model: FakeModel) -> None:
    session = api.session(title="First", metadata={"a": "1"})
    api.turn(session, "tokens:2")
    before = api.turn(session, "tokens:3")
    made = fork(api, session)
    assert made["id"] != session
    assert (made["title"], made["metadata"], made["status"]) == ("First", {"a": "1"}, "idle")
    assert made["usage"]["input_tokens"] == made["usage"]["output_tokens"] == 0
    last = before[-1]["seq"]
    assert made["forked_from"] == {"session_id": session, "seq": last}
    assert made["fork"] == {"requested_seq": last, "seq": last, "moved": False, "files": "at_point"}
    assert told(api, made["id"]) == told(api, session)
    for one in (session, made["id"]):
        api.turn(one, "and what now? tokens:2")
    in_source, in_fork = (request["body"] for request in model.requests_of("and what now? tokens:2"))
    assert in_fork["messages"] == in_source["messages"]
    assert len(in_fork["messages"]) == 5
    for one in (session, made["id"]):
        assert_whole(api.log(one))


def test_a_point_inside_a_turn_is_moved_back_to_the_last_rest(api: Api, model: FakeModel) -> None:
    session = api.session()
    first = api.turn(session, "tokens:2")
    second = api.turn(session, "tokens:3")
    said = next(event for event in second if event["seq"] > first[-1]["seq"] and event["type"] == "agent.message")
    made = fork(api, session, event_id=said["id"])
    assert made["fork"] == {
        "requested_seq": said["seq"],
        "seq": first[-1]["seq"],
        "moved": True,
        "files": "at_point",
    }
    assert told(api, made["id"]) == told(api, session)[: len(first)]
    assert fork(api, session, seq=1)["fork"]["seq"] == 0
    assert_whole(api.turn(made["id"], "tokens:2"))


def test_a_fork_of_a_running_session_has_what_stood_before_its_turn(api: Api, model: FakeModel) -> None:
    session = api.session()
    first = api.turn(session, "tokens:2")
    model.hold(after_tokens=3, match="held")
    api.say(session, "held tokens:9")
    model.wait_held()
    made = fork(api, session)
    assert (made["status"], made["fork"]["seq"], made["fork"]["moved"]) == ("idle", first[-1]["seq"], True)
    assert_whole(api.turn(made["id"], "tokens:2"))
    model.release()
    api.wait_idle(session)
    assert_whole(api.log(session))


def test_a_fork_of_a_waiting_session_is_moved_before_the_turn_that_waits(api: Api, model: FakeModel) -> None:
    asking = TOOLSET | {"default_config": {"permission_policy": {"type": "always_ask"}}}
    session = api.session(api.agent(tools=[asking]))
    first = api.turn(session, "tokens:2")
    api.turn(session, 'tool:bash input:{"command":"true"} tokens:2')
    made = fork(api, session)
    assert made["fork"]["seq"] == first[-1]["seq"]
    assert_whole(api.turn(made["id"], "tokens:2"))


def test_forks_of_forks_and_of_archived_sessions_go_on(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    one = fork(api, session)["id"]
    api.turn(one, "tokens:3")
    two = fork(api, one)
    assert two["forked_from"]["session_id"] == one
    api.post(f"/v1/sessions/{one}/archive")
    three = fork(api, one)
    assert three["fork"]["seq"] == two["fork"]["seq"]
    assert_whole(api.turn(three["id"], "tokens:2"))
    assert api.call("DELETE", f"/v1/sessions/{one}").status_code == 200
    assert api.call("POST", f"/v1/sessions/{one}/fork", {}).status_code == 404
    assert_whole(api.turn(two["id"], "tokens:2"))


def test_another_agent_model_and_first_message_may_be_given(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(system="old"))
    api.turn(session, "tokens:2")
    other = api.agent(system="new", name="Other")
    made = fork(
        api,
        session,
        agent=other["id"],
        model="claude-other",
        title="Second",
        metadata={"b": "2"},
        initial_events=[message("echo")],
    )
    assert (made["agent_id"], made["agent"]["model"]["id"]) == (other["id"], "claude-other")
    assert (made["title"], made["metadata"]) == ("Second", {"b": "2"})
    api.wait_idle(made["id"])
    log = api.log(made["id"])
    assert_whole(log)
    asked = json.loads(text_of(log)[-1])
    assert asked["model"] == "claude-other"
    assert "new" in json.dumps(asked["system"])
    assert asked["messages"] == 3
    assert api.get(f"/v1/sessions/{session}")["agent"]["system"] == "old"


def test_what_cannot_be_forked_is_refused(api: Api, stranger: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "tokens:2")
    path = f"/v1/sessions/{session}/fork"
    for status, body in (
        (400, {"seq": 1, "event_id": log[0]["id"]}),
        (400, {"seq": log[-1]["seq"] + 1}),
        (404, {"event_id": "sevt_unknown"}),
        (404, {"agent": "agent_unknown"}),
    ):
        assert api.call("POST", path, body).status_code == status, body
    assert stranger.call("POST", path, {}).status_code == 404
    assert len(api.get("/v1/sessions")["data"]) == 1


def test_a_repeat_with_the_same_key_gives_the_same_fork(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    path, key = f"/v1/sessions/{session}/fork", {"Idempotency-Key": "once"}

    def again() -> httpx2.Response:
        return api.call("POST", path, {}, headers=key)

    assert again().json()["id"] == again().json()["id"]
    assert len(api.get("/v1/sessions")["data"]) == 2


def test_files_resources_and_the_workspace_are_its_own(api: Api, model: FakeModel) -> None:
    uploaded = api.post("/v1/files", filename="a.txt", content="attached", media_type="text/plain")["id"]
    session = api.session(
        api.agent(tools=[TOOLSET]),
        resources=[
            {"type": "file", "file_id": uploaded, "mount_path": "/workspace/a.txt"},
            {"type": "env", "name": "TOKEN", "value": "hush"},
        ],
    )

    run(
        api,
        session,
        "echo one > /workspace/b.txt; mkdir -p /mnt/session/outputs; echo out > /mnt/session/outputs/o.txt",
    )
    made = fork(api, session)["id"]
    shown = api.get(f"/v1/sessions/{made}/resources")["data"]
    assert {one["type"] for one in shown} == {"file", "env"}
    assert {one["id"] for one in shown}.isdisjoint(
        one["id"] for one in api.get(f"/v1/sessions/{session}/resources")["data"]
    )
    assert len(api.get("/v1/files", scope_id=made)["data"]) == len(api.get("/v1/files", scope_id=session)["data"]) == 2
    run(api, session, "echo two > /workspace/b.txt")
    assert api.call("DELETE", f"/v1/sessions/{session}").status_code == 200
    said = run(
        api,
        made,
        "cat /workspace/a.txt; echo; cat /workspace/b.txt /mnt/session/outputs/o.txt; printf %s $TOKEN | wc -c",
    )
    assert said.split() == ["attached", "one", "out", "4"]
    assert_whole(api.log(made))


def test_a_fork_at_an_old_point_has_the_files_of_then(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(tools=[TOOLSET]))
    run(api, session, "echo one > a; echo gone > b; mkdir -p /mnt/session/outputs; echo 1 > /mnt/session/outputs/o.txt")
    rests = [api.log(session)[-1]["seq"]]
    late = api.post("/v1/files", filename="late.txt", content="late\n", media_type="text/plain")["id"]
    api.post(f"/v1/sessions/{session}/resources", type="file", file_id=late, mount_path="/workspace/late")
    run(
        api,
        session,
        "echo two > a; rm b; echo 22 > /mnt/session/outputs/o.txt; echo new > /mnt/session/outputs/new.txt",
    )
    rests.append(api.log(session)[-1]["seq"])
    run(api, session, "echo three > a")
    old, middle = (fork(api, session, seq=seq) for seq in rests)
    assert old["fork"]["files"] == middle["fork"]["files"] == "at_point"
    look = "cat a b late /mnt/session/outputs/* 2>/dev/null | tr '\\n' ' '"
    assert run(api, old["id"], look).split() == ["one", "gone", "1"]
    assert run(api, middle["id"], look).split() == ["two", "late", "new", "22"]
    assert run(api, session, look).split() == ["three", "late", "new", "22"]

    def outputs(one: str) -> dict[str, str]:
        made = [file for file in api.get("/v1/files", scope_id=one)["data"] if file["downloadable"]]
        return {file["filename"]: api.call("GET", f"/v1/files/{file['id']}/content").text.strip() for file in made}

    assert outputs(old["id"]) == {"o.txt": "1"}
    assert outputs(middle["id"]) == {"o.txt": "22", "new.txt": "new"}
    assert api.get(f"/v1/sessions/{old['id']}/resources")["data"] == []
    again = fork(api, old["id"], seq=rests[0])
    assert (again["fork"]["files"], run(api, again["id"], "cat a").strip()) == ("at_point", "one")
