"""Event streams of plain clients: first bytes, frames, replay, resuming, readers that read and one that does not."""

import json
import socket
import time
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Stream, message, text_of, types_of, wait_for

SPEC = {
    "user.message",
    "session.status_running",
    "session.thread_status_running",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
    "session.thread_status_idle",
    "session.status_idle",
}


def _path(session: str, query: str = "") -> str:
    return f"/v1/sessions/{session}/events/stream{query}"


def _spec(log: list[dict[str, object]]) -> list[object]:
    return [event["id"] for event in log if event["type"] in SPEC]


@pytest.mark.parametrize("route", ["events/stream", "stream", "threads/sthr_primary/stream"])
def test_a_stream_opens_with_the_pause_before_reconnecting(api: Api, route: str) -> None:
    session = api.session()
    with api.client.stream("GET", f"/v1/sessions/{session}/{route}") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["request-id"]
        first = next(answer.iter_raw())
        assert first.startswith(b"retry: 1000\n\n")


def test_a_browsers_reader_understands_the_raw_bytes(api: Api, model: FakeModel) -> None:
    """Parses the bytes by the rules of the HTML standard rather than with the suite's own reader."""
    session = api.session()
    with api.client.stream("GET", _path(session)) as answer:
        api2 = Api(api.url, api.key)
        api2.say(session, 'say:"grüße"')
        raw = b""
        for piece in answer.iter_raw():
            raw += piece
            if b"event: session.status_idle" in raw and raw.endswith(b"\n\n"):
                break
        api2.close()
    events, fields = [], {"event": "message", "data": "", "id": ""}
    last_id = ""
    for line in raw.decode().split("\n"):
        if not line:
            if fields["data"]:
                events.append((fields["event"], json.loads(fields["data"].removesuffix("\n")), last_id))
            fields = {"event": "message", "data": "", "id": ""}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            fields["data"] += value + "\n"
        elif name == "id":
            last_id = value
        elif name == "event":
            fields["event"] = value
    assert [name for name, _, _ in events] == [data["type"] for _, data, _ in events]
    assert "grüße" in text_of([data for _, data, _ in events])
    log = {event["id"]: event["seq"] for event in api.log(session)}
    assert [int(number) for _, _, number in events] == [log[data["id"]] for _, data, _ in events]


def test_an_open_stream_tells_nothing_old_and_then_only_the_spec(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "before")
    stream = api.stream(_path(session))
    api.say(session, "after")
    stream.wait("session.status_idle")
    time.sleep(0.1)
    stream.close()
    assert set(stream.types()) == SPEC
    said = [frame.data["content"][0]["text"] for frame in stream.frames if frame.data["type"] == "user.message"]
    assert said == ["after"]
    for frame in stream.frames:
        assert frame.event == frame.data["type"]
    log = {event["id"]: event["seq"] for event in api.log(session)}
    assert [int(frame.id or 0) for frame in stream.frames] == [log[frame.data["id"]] for frame in stream.frames]


def test_what_is_not_of_the_spec_goes_to_those_who_ask(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(skills=["skill_unknown"]))
    usual, whole = api.stream(_path(session)), api.stream(_path(session, "?include=chunks"))
    model.hold(after_tokens=2, match="told in parts")
    api.say(session, "tokens:4 told in parts")
    model.wait_held()
    api.send(session, message("dropped"))
    api.send(session, {"type": "user.interrupt"})
    model.release()
    for stream in (usual, whole):
        stream.wait("session.status_idle")
        stream.close()
    beyond = {
        "session.warning",
        "session.usage",
        "system.user_message_pending",
        "system.user_message_cancelled",
        "agent.message_chunk",
    }
    assert beyond <= set(whole.types())
    assert set(usual.types()) == SPEC | {"user.interrupt"}


def test_with_chunks_the_text_comes_in_parts_and_then_whole(api: Api, model: FakeModel) -> None:
    session = api.session()
    stream = api.stream(_path(session, "?include=chunks,unheard-of"))
    api.say(session, 'say:"a longer sentence in seven words" gap:30')
    stream.wait("session.status_idle")
    stream.close()
    kinds = stream.types()
    start = next(frame for frame in stream.frames if frame.data["type"] == "agent.message_stream_start")
    chunks = [frame for frame in stream.frames if frame.data["type"] == "agent.message_chunk"]
    end = next(frame for frame in stream.frames if frame.data["type"] == "agent.message_stream_end")
    whole = next(frame for frame in stream.frames if frame.data["type"] == "agent.message")
    ids = {frame.data["message_id"] for frame in (start, *chunks, end, whole)}
    assert len(ids) == 1
    assert end.data["status"] == "completed"
    assert "".join(chunk.data["delta"] for chunk in chunks) == whole.data["content"][0]["text"]
    order = ["agent.message_stream_start", "agent.message_chunk", "agent.message_stream_end", "agent.message"]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    assert all(frame.id is None for frame in (start, *chunks, end))
    assert "session.usage" in kinds


def test_with_chunks_inputs_are_announced_and_taken(api: Api, model: FakeModel) -> None:
    session = api.session()
    stream = api.stream(_path(session, "?include=chunks"))
    api.send(session, message("hello", id="mine"))
    stream.wait("session.status_idle")
    stream.close()
    pending = next(frame.data for frame in stream.frames if frame.data["type"] == "system.user_message_pending")
    promoted = next(frame.data for frame in stream.frames if frame.data["type"] == "system.user_message_promoted")
    assert pending["event_id"] == promoted["event_id"] == "mine"
    assert pending["event"] == {"type": "user.message", "id": "mine"}
    assert pending["session_thread_id"] == promoted["session_thread_id"] == "sthr_primary"
    assert pending["pending_seq"] < promoted["seq"]
    seq = next(event["seq"] for event in api.log(session) if event["id"] == "mine")
    assert promoted["seq"] == seq


def test_with_chunks_only_what_waits_is_announced_and_each_is_taken(api: Api, model: FakeModel) -> None:
    session = api.session()
    stream = api.stream(_path(session, "?include=chunks"))
    model.hold(after_tokens=1, match="stop me")
    api.say(session, "stop me")
    model.wait_held()
    api.send(session, {"type": "user.interrupt"})
    model.release()
    note = {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]}
    api.send(session, message("go on", id="mine"), note | {"id": "note"})
    stream.wait("session.status_idle", 2)
    stream.close()

    def about(kind: str) -> list[str]:
        return [frame.data["event_id"] for frame in stream.frames if frame.data["type"] == kind]

    assert about("system.user_message_pending")[1:] == ["mine", "note"]
    assert about("system.user_message_promoted") == about("system.user_message_pending")


def test_thinking_and_tool_input_come_in_parts_too(api: Api, model: FakeModel) -> None:
    tool = {"type": "custom", "name": "look", "description": "d", "input_schema": {"type": "object"}}
    session = api.session(api.agent(tools=[tool]))
    stream = api.stream(_path(session, "?include=chunks"))
    api.say(session, 'think:"let me see" tool:look input:{"where": "there"} gap:20')
    stream.wait("session.status_idle")
    stream.close()

    def joined(kind: str) -> str:
        return "".join(frame.data["delta"] for frame in stream.frames if frame.data["type"] == kind)

    assert joined("agent.thinking_chunk") == "let me see"
    assert json.loads(joined("agent.tool_use_input_chunk")) == {"where": "there"}
    start = next(f.data for f in stream.frames if f.data["type"] == "agent.tool_use_input_stream_start")
    use = next(f.data for f in stream.frames if f.data["type"] == "agent.custom_tool_use")
    assert start["tool_use_id"] == use["id"]
    assert start["tool_name"] == "look"
    thought = next(f.data for f in stream.frames if f.data["type"] == "agent.thinking")
    assert thought["text"] == "let me see"


def test_replay_gives_the_log_of_the_spec_and_stays_open(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "one")
    log = api.turn(session, "two")
    stream = api.stream(_path(session, "?replay=1"))
    stream.wait("session.status_idle", 2)
    assert [frame.data["id"] for frame in stream.frames] == _spec(log)
    api.say(session, "three")
    stream.wait("session.status_idle", 3)
    stream.close()
    assert [frame.data["id"] for frame in stream.frames] == _spec(api.log(session))


def test_replay_with_chunks_gives_the_whole_log(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "one")
    stream = api.stream(_path(session, "?replay=1&include=chunks"))
    stream.wait("session.status_idle")
    stream.close()
    assert [frame.data["id"] for frame in stream.frames if frame.id] == [event["id"] for event in log]


def test_replay_in_the_middle_of_a_turn_misses_and_repeats_nothing(api: Api, model: FakeModel) -> None:
    session = api.session()
    model.hold(after_tokens=3, match="middle")
    api.say(session, "middle tokens:6")
    model.wait_held()
    streams = [api.stream(_path(session, "?replay=1")) for _ in range(3)]
    model.release()
    for stream in streams:
        stream.wait("session.status_idle")
        stream.close()
        assert [frame.data["id"] for frame in stream.frames] == _spec(api.log(session))


def test_resuming_gives_exactly_what_came_after(api: Api, model: FakeModel) -> None:
    session = api.session()
    log = api.turn(session, "one")
    middle = log[len(log) // 2]
    later = _spec([event for event in log if event["seq"] > middle["seq"]])
    for last in (str(middle["seq"]), middle["id"]):
        for query in ("", "?replay=1"):
            stream = api.stream(_path(session, query), headers={"last-event-id": last})
            stream.wait("session.status_idle")
            stream.close()
            assert [frame.data["id"] for frame in stream.frames] == later


@pytest.mark.parametrize("last", ["99999", "nonsense", "-1", "1e3", "9" * 5000])
def test_resuming_beyond_the_end_or_from_nowhere_waits_for_news(api: Api, model: FakeModel, last: str) -> None:
    session = api.session()
    old = api.turn(session, "one")
    stream = api.stream(_path(session), headers={"last-event-id": last})
    log = api.turn(session, "two")
    stream.wait("session.status_idle")
    stream.close()
    assert [frame.data["id"] for frame in stream.frames] == _spec(log[len(old) :])


def test_asking_the_list_for_a_stream_gives_one(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "one")
    path = f"/v1/sessions/{session}/events?replay=1"
    stream = api.stream(path, headers={"accept": "text/event-stream"})
    stream.wait("session.status_idle")
    stream.close()
    assert stream.lines[0] == "retry: 1000"
    assert [frame.data["id"] for frame in stream.frames] == _spec(api.log(session))


def test_a_stream_serves_turn_after_turn(api: Api, model: FakeModel) -> None:
    session = api.session()
    stream = api.stream(_path(session))
    for number in (1, 2, 3):
        api.say(session, f"turn {number}")
        stream.wait("session.status_idle", number)
    assert not stream.ended.is_set()
    stream.close()
    assert [frame.data["id"] for frame in stream.frames] == _spec(api.log(session))


def test_an_archived_sessions_stream_stays_open_and_replays(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "one")
    live = api.stream(_path(session))
    api.post(f"/v1/sessions/{session}/archive")
    live.wait("session.status_terminated")
    again = api.stream(_path(session, "?replay=1"))
    again.wait("session.status_terminated")
    assert not live.ended.is_set()
    assert not again.ended.is_set()
    live.close()
    again.close()


def test_types_can_be_chosen(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "one")
    stream = api.stream(_path(session, "?replay=1&types[]=agent.message&types[]=session.status_idle"))
    stream.wait("session.status_idle")
    stream.close()
    assert stream.types() == ["agent.message", "session.status_idle"]


@pytest.mark.parametrize(("query", "names"), [("?frames=message", {"message"}), ("?frames=typed", SPEC)])
def test_the_names_of_frames_can_be_chosen(api: Api, model: FakeModel, query: str, names: set[str]) -> None:
    session = api.session()
    api.turn(session, "one")
    stream = api.stream(_path(session, f"{query}&replay=1"))
    stream.wait("session.status_idle")
    stream.close()
    assert {frame.event for frame in stream.frames} == names
    assert api.call("GET", _path(session, "?frames=wild")).status_code == 400


def test_an_sdks_deltas_may_be_asked_for(api: Api, model: FakeModel) -> None:
    session = api.session()
    stream = api.stream(_path(session, "?event_deltas[]=agent.message"))
    api.say(session, 'say:"in small parts" gap:30')
    stream.wait("session.status_idle")
    stream.close()
    parts = [frame.data["delta"]["content"]["text"] for frame in stream.frames if frame.data["type"] == "event_delta"]
    assert "".join(parts) == "in small parts"
    assert api.call("GET", _path(session, "?event_deltas[]=user.message")).status_code == 400


@pytest.mark.parametrize("session", ["sesn_unknown", "sesn_" + "0" * 32])
def test_an_unknown_sessions_stream_is_a_json_error(api: Api, session: str) -> None:
    for path in (_path(session), f"/v1/sessions/{session}/stream"):
        answer = api.call("GET", path, headers={"accept": "text/event-stream"})
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json()["error"]["type"] == "not_found"


def _lazy_reader(api: Api, session: str) -> socket.socket:
    """A connection that asks for the stream and never reads it."""
    where = urlsplit(api.url)
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect((where.hostname, where.port))
    head = f"GET {_path(session)} HTTP/1.1\r\nhost: x\r\nx-api-key: {api.key}\r\n\r\n"
    lazy.sendall(head.encode())
    return lazy


def test_ten_readers_hear_the_same_and_one_that_does_not_read_delays_nobody(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(model="claude-opus-5"))
    with _lazy_reader(api, session):
        streams: list[Stream] = [api.stream(_path(session)) for _ in range(10)]
        big = "x" * 600_000
        for number in (1, 2, 3):
            api.say(session, f"{big} tokens:3")
            for stream in streams:
                stream.wait("session.status_idle", number)
    expected = _spec(api.log(session))
    for stream in streams:
        stream.close()
        assert [frame.data["id"] for frame in stream.frames] == expected


def test_a_reader_that_leaves_frees_the_server_of_it(api: Api, model: FakeModel) -> None:
    session = api.session()
    for _ in range(5):
        with httpx2.stream("GET", api.url + _path(session), headers={"x-api-key": api.key}) as answer:
            next(answer.iter_raw())
    assert types_of(api.turn(session, "hello"))[-1] == "session.status_idle"
    wait_for(lambda: api.status(session) == "idle", "idle")
