"""A reader at any cursor sees exactly the events after it, in order, once.

Streams are resumed at every number of a long log, while nothing happens and while turns run; readers at different
places and one that does not read at all neither miss nor repeat anything nor hold each other up.
"""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.e2e.laws.checks import assert_complete
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Frame, Json, frames, message, wait_for
from tests.support.server import Server

TURNS = 24


@pytest.fixture(scope="module")
def writer(server: Server) -> Iterator[Api]:
    client = Api(server.url, server.tenant())
    yield client
    client.close()


@pytest.fixture(scope="module")
def long_log(writer: Api, shared_model: FakeModel) -> tuple[str, list[Json]]:
    """A resting session and the events a plain stream shows of it."""
    shared_model.reset()
    session = writer.session()
    answer = writer.send(session, *(message(f"tokens:2 number {number}") for number in range(TURNS)))
    assert answer.status_code == 202
    writer.wait_idle(session, 60)
    log = writer.log(session)
    assert log[-1]["seq"] >= 300
    return session, [event for event in log if event["type"] not in ("session.usage", "session.warning")]


def resumed(api: Api, session: str, after: int, last: int) -> list[Frame]:
    """What a stream shows after a number, up to the event of the number ``last``."""
    found: list[Frame] = []
    headers = {"last-event-id": str(after)}
    with api.client.stream("GET", f"/v1/sessions/{session}/events/stream", headers=headers) as answer:
        assert answer.status_code == 200
        for frame in frames(answer.iter_lines()):
            found.append(frame)
            if int(frame.id or 0) >= last:
                return found
    return found


def numbers(found: list[Frame]) -> list[int]:
    return [int(frame.id or 0) for frame in found]


def test_a_stream_resumes_at_every_number(writer: Api, long_log: tuple[str, list[Json]]) -> None:
    session, log = long_log
    public, last = [event["seq"] for event in log], log[-1]["seq"]
    ids = {event["seq"]: event["id"] for event in log}

    def check(after: int) -> None:
        found = resumed(writer, session, after, last)
        assert numbers(found) == [seq for seq in public if seq > after]
        assert [frame.data["id"] for frame in found] == [ids[seq] for seq in numbers(found)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check, range(last)))


@pytest.mark.parametrize("beyond", [0, 1, 10**6, 10**13])
def test_a_stream_resumed_at_or_after_the_end_shows_nothing_old(
    writer: Api, long_log: tuple[str, list[Json]], beyond: int
) -> None:
    session, log = long_log
    headers = {"last-event-id": str(log[-1]["seq"] + beyond)}
    stream = writer.stream(f"/v1/sessions/{session}/events/stream", headers=headers)
    assert not stream.ended.wait(0.3)
    assert stream.frames == []
    stream.close()


def test_pages_of_any_size_make_the_same_log(writer: Api, long_log: tuple[str, list[Json]]) -> None:
    session, _ = long_log
    whole = [row["seq"] for row in writer.events(session)]
    for limit in (1, 7, 100, 1000):
        assert [row["seq"] for row in writer.events(session, limit=limit)] == whole
    assert [row["seq"] for row in writer.events(session, limit=13, order="desc")] == whole[::-1]


def test_readers_at_any_place_follow_running_turns(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    sent = 12
    for number in range(sent):
        api.say(session, f"tokens:5 gap:3 number {number}")
    finished = threading.Event()
    seen: list[tuple[int, list[int]]] = []

    def follow(reader: int) -> None:
        place = 0
        while not finished.is_set():
            log = api.log(session)
            after = log[min(place, len(log) - 1)]["seq"] - reader % 2
            seen.append((after, numbers(resumed(api, session, after, log[-1]["seq"]))))
            place += 5 + reader

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(follow, reader) for reader in range(4)]
        api.wait_idle(session, 60)
        finished.set()
        for one in readers:
            one.result(30)
    log = api.log(session)
    assert_complete(log)
    public = [event["seq"] for event in log if event["type"] not in ("session.usage", "session.warning")]
    assert len({after for after, _ in seen}) >= 3
    for after, found in seen:
        assert found == [seq for seq in public if after < seq <= found[-1]]


def test_ten_readers_see_the_same_though_one_does_not_read(
    server: Server, api: Api, key: str, model: FakeModel
) -> None:
    session, turns, size = api.session(), 8, 200_000
    path = f"/v1/sessions/{session}/events/stream"
    lazy = _connection_that_does_not_read(server.url, path, key)
    streams = [api.stream(path) for _ in range(9)]
    for number in range(turns):
        assert api.send(session, message(f"{'x' * size} tokens:2 {number}")).status_code == 202
    for stream in streams:
        stream.wait("session.status_idle", turns, 60)
    seen = [[(frame.id, frame.data["id"]) for frame in stream.frames] for stream in streams]
    for stream in streams:
        stream.close()
    assert all(one == seen[0] for one in seen)
    log = api.log(session)
    assert_complete(log)
    beyond = ("session.usage", "session.warning", "span.compaction")
    shown = [(str(e["seq"]), e["id"]) for e in log if not e["type"].startswith(beyond)]
    assert seen[0] == shown
    assert _read_at_last(lazy, str(log[-1]["seq"])) == [frame_id for frame_id, _ in shown]


def _connection_that_does_not_read(url: str, path: str, key: str) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((urlsplit(url).hostname, urlsplit(url).port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n\r\n".encode())
    connection.settimeout(20)
    return connection


def _read_at_last(connection: socket.socket, last: str) -> list[str]:
    """The ids of all frames, read now."""
    raw = b""
    with connection:
        while f"\nid: {last}\n".encode() not in raw:
            piece = connection.recv(1 << 16)
            assert piece, "the stream ended early"
            raw += piece
    return [line[4:].decode() for line in raw.split(b"\n") if line.startswith(b"id: ")]


def test_clients_that_post_at_once_make_one_order_for_everybody(api: Api, model: FakeModel) -> None:
    session, clients, each = api.session(), 8, 4
    streams = [api.stream(f"/v1/sessions/{session}/events/stream") for _ in range(3)]

    def post(client: int) -> None:
        for number in range(each):
            assert api.send(session, message(f"tokens:2 {client}/{number}")).status_code == 202

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(post, range(clients)))
    for stream in streams:
        stream.wait("session.status_idle", clients * each, 60)
        stream.close()
    said = [event["content"][0]["text"].split()[1] for event in api.log(session) if event["type"] == "user.message"]
    assert len(said) == len(set(said)) == clients * each
    for client in range(clients):
        mine = [text for text in said if text.startswith(f"{client}/")]
        assert mine == [f"{client}/{number}" for number in range(each)]
    for stream in streams:
        heard = [frame.data for frame in stream.frames if frame.data["type"] == "user.message"]
        assert [event["content"][0]["text"].split()[1] for event in heard] == said
    assert_complete(api.log(session))


def test_a_deleted_sessions_streams_end(api: Api) -> None:
    session = api.session()
    stream = api.stream(f"/v1/sessions/{session}/events/stream")
    api.ok("DELETE", f"/v1/sessions/{session}")
    wait_for(stream.ended.is_set, "the stream to end")
    assert stream.types()[-1] == "session.deleted"
