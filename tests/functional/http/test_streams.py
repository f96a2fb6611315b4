"""Event streams over the wire: at once, one by one, and gone when the client is gone."""

import os
import threading
import time
from pathlib import Path

import pytest

from chalicelib.http import sse
from tests.functional.http.client import Site, read_until, wait_for


def test_a_stream_tells_everybody_between_to_let_it_pass(site: Site) -> None:
    reply = site.ask("GET", "/t/stream/2")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.headers["connection"] == "close"
    assert reply.body.count(b"event: tick\nid: ") == 2


def test_the_headers_come_before_the_first_frame(site: Site) -> None:
    with site.opened("/t/silent") as connection:
        assert b" 200 " in read_until(connection, b"\r\n\r\n")


def test_each_frame_is_sent_at_once(site: Site) -> None:
    with site.opened("/t/stream/4") as connection:
        for number in range(4):
            told = read_until(connection, b"id: %d\n" % number)
            sent = float(told.rpartition(b'"at":')[2].partition(b"}")[0] or time.time())
            assert time.time() - sent < 0.5


def test_a_client_that_goes_is_noticed_within_a_second(site: Site) -> None:
    with site.opened("/t/silent") as connection:
        read_until(connection, b"\r\n\r\n")
        assert wait_for(lambda: site.services.streams_open == 1)
    assert site.services.closed.wait(1)
    assert wait_for(lambda: site.services.streams_open == 0)


def test_a_client_that_goes_while_it_does_not_read_is_noticed(site: Site) -> None:
    with site.opened("/t/flood") as connection:
        connection.recv(10)
        time.sleep(0.2)
        assert not site.services.closed.is_set()
    assert site.services.closed.wait(1)


@pytest.mark.parametrize(("how", "kind"), [("known", b"not_found"), ("unknown", b"internal")])
def test_an_error_in_a_stream_is_its_last_frame(site: Site, how: str, kind: bytes) -> None:
    body = site.ask("GET", f"/t/falling/{how}").body
    last = body.split(b"\n\n")[-2]
    assert last.startswith(b"event: error\ndata: {")
    assert kind in last
    assert b"bug" not in last


def test_a_stream_ends_when_its_key_is_revoked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LOOK_SECONDS", 0.1)
    with site.opened("/t/stream/10000") as connection:
        read_until(connection, b"id: 5\n")
        monkeypatch.setattr(site.services.keys, "known", {})
        connection.settimeout(5)
        while connection.recv(65536):
            pass
    assert site.services.closed.is_set()


def test_errors_before_a_stream_are_json(site: Site) -> None:
    assert site.ask("GET", "/t/silent", key=None).json["error"]["type"] == "unauthenticated"


def test_the_server_stops_at_once_with_streams_open(own_site: Site) -> None:
    with own_site.opened("/t/silent") as first, own_site.opened("/t/stream/10000") as second:
        for connection in (first, second):
            read_until(connection, b"\r\n\r\n")
        started = time.monotonic()
        own_site.stop.set()
        own_site.thread.join(5)
        assert time.monotonic() - started < 1.5
        assert first.recv(65536).endswith(b"0\r\n\r\n")


def test_fifty_streams_leave_no_thread_and_no_descriptor(site: Site) -> None:
    def open_and_close(count: int) -> None:
        held = [site.opened("/t/silent") for _ in range(count)]
        connections = [one.__enter__() for one in held]
        for connection in connections:
            read_until(connection, b"\r\n\r\n")
        for one in held:
            one.__exit__(None, None, None)
        assert wait_for(lambda: site.services.streams_open == 0)

    def descriptors() -> int:
        return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))

    open_and_close(50)
    before = (descriptors(), threading.active_count())
    open_and_close(50)
    assert wait_for(lambda: descriptors() <= before[0] + 2)
    # The pool of blocking work may still be growing to its size; fifty leaked threads would show all the same.
    assert threading.active_count() <= before[1] + 20
