"""Plain clients and SDKs on the same objects: where their answers differ on purpose, and that the log is one."""

from functools import partial

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, text_of, types_of, wait_for


def _say(api: Api, session: str, words: str, way: str | None = None) -> httpx2.Response:
    return api.send(session, message(words), params={"input": way} if way else {})


def test_the_answer_to_sent_events_depends_on_the_sender(api: Api, sdk_api: Api, model: FakeModel) -> None:
    session = api.session()
    plain = api.say(session, 'say:"one"')
    api.wait_idle(session)
    marked = sdk_api.say(session, 'say:"two"')
    api.wait_idle(session)
    assert (plain.status_code, plain.content) == (202, b"")
    assert marked.status_code == 200
    (event,) = marked.json()["data"]
    assert (event["type"], event["processed_at"]) == ("user.message", None)
    assert text_of(api.log(session)) == ["one", "two"]


def test_a_session_that_ended_refuses_both_with_the_same_words(api: Api, sdk_api: Api) -> None:
    session = api.session()
    api.post(f"/v1/sessions/{session}/archive")
    for path, body in (("events", {"events": [message("x")]}), ("messages", {"content": "x"})):
        plain = api.call("POST", f"/v1/sessions/{session}/{path}", body)
        marked = sdk_api.call("POST", f"/v1/sessions/{session}/{path}", body)
        assert (plain.status_code, marked.status_code) == (409, 400)
        assert plain.json()["message"] == marked.json()["message"]
        assert plain.json()["error"].get("details") == marked.json()["error"].get("details")
        assert plain.json()["error"]["type"] == "conflict"
        assert marked.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("method", "rest"), [("DELETE", ""), ("POST", "/archive")])
def test_a_working_session_is_ended_by_plain_clients_and_protected_from_sdks(
    api: Api, sdk_api: Api, model: FakeModel, method: str, rest: str
) -> None:
    for client, options in ((api, {}), (sdk_api, {"params": {"force": "true"}})):
        session = api.session()
        model.hold(match="still working")
        api.say(session, "still working")
        model.wait_held()
        refused = sdk_api.call(method, f"/v1/sessions/{session}{rest}")
        assert refused.status_code == 400
        assert api.status(session) == "running"
        assert client.call(method, f"/v1/sessions/{session}{rest}", **options).status_code == 200
        model.release()
        if rest:
            assert api.status(session) == "terminated"
        else:
            assert api.call("GET", f"/v1/sessions/{session}").status_code == 404


def test_an_unreadable_cursor_is_the_first_page_to_plain_clients_and_an_error_to_sdks(api: Api, sdk_api: Api) -> None:
    session = api.session()
    for path in ("/v1/agents", "/v1/environments", "/v1/sessions", "/v1/files", f"/v1/sessions/{session}/events"):
        plain = api.call("GET", path, params={"page": "not-a-cursor"})
        assert plain.status_code == 200
        assert plain.json()["data"] == api.get(path)["data"] or path == "/v1/sessions"
        assert sdk_api.call("GET", path, params={"page": "not-a-cursor"}).status_code == 400, path


def test_tools_left_out_mean_the_built_in_set_here_and_none_to_sdks(api: Api, sdk_api: Api) -> None:
    body: Json = {"name": "A", "model": "m"}
    assert [tool["type"] for tool in api.post("/v1/agents", **body)["tools"]] == ["agent_toolset_20260401"]
    assert sdk_api.post("/v1/agents", **body)["tools"] == []


def test_blank_metadata_is_removed_here_and_kept_by_sdks(api: Api, sdk_api: Api) -> None:
    session = api.session(metadata={"a": "1", "b": "2"})
    path = f"/v1/sessions/{session}"
    assert sdk_api.ok("POST", path, {"metadata": {"a": ""}})["metadata"] == {"a": "", "b": "2"}
    assert api.ok("POST", path, {"metadata": {"b": ""}})["metadata"] == {"a": ""}


def test_rows_of_the_log_depend_on_the_reader_and_the_order_does_not(api: Api, sdk_api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "error:500x1 hello")
    plain, marked = api.get(f"/v1/sessions/{session}/events"), sdk_api.get(f"/v1/sessions/{session}/events")
    assert all("data" in row for row in plain["data"])
    assert not any("data" in row for row in marked["data"])
    seen = {row["id"]: row for row in plain["data"]}
    for row in marked["data"]:
        assert row == {key: value for key, value in seen[row["id"]].items() if key != "data"}
    numbers = [row["seq"] for row in marked["data"]]
    assert numbers == sorted(numbers)
    everything = sdk_api.get(f"/v1/sessions/{session}/events", include="chunks")["data"]
    assert [row["id"] for row in everything] == [row["id"] for row in plain["data"]]
    assert sdk_api.log(session) == api.log(session)


def test_waiting_inputs_close_an_sdks_list_and_stay_out_of_a_plain_one(
    api: Api, sdk_api: Api, model: FakeModel
) -> None:
    session = api.session()
    model.hold(match="occupied")
    api.say(session, "occupied")
    model.wait_held()
    api.send(session, message("next", id="next"))
    last = sdk_api.get(f"/v1/sessions/{session}/events")["data"][-1]
    assert (last["id"], last["processed_at"]) == ("next", None)
    assert "next" not in [row["id"] for row in api.log(session)]
    model.release()
    wait_for(lambda: "next" in [row["id"] for row in api.log(session)], "the message to be taken")
    api.wait_idle(session)


def test_frames_are_named_by_mode_and_by_wish(api: Api, sdk_api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "hello")
    path = f"/v1/sessions/{session}/events/stream?replay=1"
    for client, query, typed in (
        (api, "", True),
        (sdk_api, "", False),
        (api, "&frames=message", False),
        (sdk_api, "&frames=typed", True),
    ):
        stream = client.stream(path + query)
        stream.wait("session.status_idle")
        stream.close()
        names = {frame.event for frame in stream.frames}
        assert names == (set(stream.types()) if typed else {"message"})


def test_an_sdks_message_joins_the_turn_and_a_plain_one_waits_for_its_own(
    api: Api, sdk_api: Api, model: FakeModel
) -> None:
    tool = {"type": "custom", "name": "t", "description": "d", "input_schema": {"type": "object"}}
    environment = api.environment()["id"]
    for client, way, turns in ((sdk_api, None, 1), (api, None, 2), (api, "steer", 1), (sdk_api, "queue", 2)):
        session = api.session(api.agent(tools=[tool]), environment_id=environment)
        model.hold(match="tool:t")
        api.say(session, 'tool:t say:"done"')
        model.wait_held()
        _say(client, session, 'say:"and this"', way)
        model.release()
        use = wait_for(partial(_open_call, api, session), "the call")
        api.send(session, {"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": "x"})
        wait_for(partial(_said, api, session, "and this"), "the second answer")
        api.wait_idle(session)
        ended = [e for e in api.log(session) if e["type"] == "session.status_idle" and _is_end(e)]
        assert len(ended) == turns, (client.sdk, way)
        assert_whole(api.log(session))


def _said(api: Api, session: str, words: str) -> bool:
    return words in text_of(api.log(session))


def _is_end(event: Json) -> bool:
    return bool(event["stop_reason"]["type"] == "end_turn")


def _open_call(api: Api, session: str) -> str | None:
    reason = api.get(f"/v1/sessions/{session}")["stop_reason"]
    return reason["event_ids"][0] if reason and reason["type"] == "requires_action" else None


def test_a_steered_message_never_overtakes_a_queued_one(api: Api, sdk_api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(match="the first")
    api.say(session, "the first")
    model.wait_held()
    api.say(session, "the second")
    sdk_api.say(session, "the third")
    model.release()
    wait_for(lambda: types_of(api.log(session)).count("user.message") == 3, "all three")
    api.wait_idle(session)
    log = api.log(session)
    said = [event["content"][0]["text"] for event in log if event["type"] == "user.message"]
    assert said == ["the first", "the second", "the third"]
    assert types_of(log).count("session.status_idle") == 2


def test_an_idle_interrupt_is_recorded_for_sdks_only(api: Api, sdk_api: Api) -> None:
    session = api.session()
    assert api.send(session, {"type": "user.interrupt"}).status_code == 202
    assert api.log(session) == []
    assert sdk_api.send(session, {"type": "user.interrupt"}).status_code == 200
    assert types_of(api.log(session)) == ["user.interrupt"]
    assert api.status(session) == "idle"


def test_open_calls_refuse_messages_of_both_and_take_answers_of_both(api: Api, sdk_api: Api, model: FakeModel) -> None:
    tool = {"type": "custom", "name": "t", "description": "d", "input_schema": {"type": "object"}}
    session = api.session(api.agent(tools=[tool]))
    api.turn(session, 'tool:t parallel:2 say:"both"')
    plain, marked = api.say(session, "x"), sdk_api.say(session, "x")
    assert plain.status_code == marked.status_code == 400
    assert plain.json()["message"] == marked.json()["message"]
    uses = api.get(f"/v1/sessions/{session}")["stop_reason"]["event_ids"]
    for client, use in zip((api, sdk_api), uses, strict=True):
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": "x"}
        assert client.send(session, result).status_code in (200, 202)
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["both"]


def test_removing_a_resource_is_named_for_the_reader(api: Api, sdk_api: Api) -> None:
    file = api.post("/v1/files", filename="a", content="x", media_type="text/plain")["id"]
    session = api.session()
    for client, kind in ((api, "resource_deleted"), (sdk_api, "session_resource_deleted")):
        path = f"/v1/sessions/{session}/resources"
        made = client.post(path, type="file", file_id=file)
        assert client.ok("DELETE", f"{path}/{made['id']}")["type"] == kind


def test_models_are_listed_in_the_readers_shape(api: Api, sdk_api: Api) -> None:
    plain, marked = api.get("/v1/models"), sdk_api.get("/v1/models")
    assert plain["object"] == "list"
    assert {one["object"] for one in plain["data"]} <= {"model"}
    assert {one["type"] for one in marked["data"]} <= {"model"}
    assert "has_more" in marked
    assert isinstance(api.get("/v1/models/list")["data"], list)
