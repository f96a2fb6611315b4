"""Framed and plain bodies, queries and headers."""

import gzip
import io
import json
import os

import pytest

from chalicelib.sandbox.guest import control, main, metadata
from chalicelib.sandbox.guest.inflate import Inflated
from chalicelib.sandbox.guest.query import parse_query
from chalicelib.sandbox.guest.streaming import Clock, time_limit
from chalicelib.sandbox.guest.wire import FRAMED, Problem, Request, frames


def request(body: bytes = b"", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/", {}, named, io.BytesIO(body))


def framed(message: object, flag: int = 0) -> bytes:
    raw = json.dumps(message).encode()
    return bytes([flag]) + len(raw).to_bytes(4, "big") + raw


def test_bodies_as_objects() -> None:
    assert request().json() == {}
    assert request(b'{"a":1}').json() == {"a": 1}
    assert request(framed({"a": 1}), content_type=FRAMED).json() == {"a": 1}
    assert request(b"", content_type=FRAMED).json() == {}


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_objects(body: bytes) -> None:
    with pytest.raises(Problem):
        request(body).json()


def test_frames_end_at_the_last_one() -> None:
    body = framed({"n": 1}) + framed({"n": 2}) + framed({}, 2) + b"junk"
    assert list(frames(io.BytesIO(body))) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("body", [framed({}, 1), framed({})[:-1], b"\0\0", b"\0\xff\xff\xff\xff", framed([1])])
def test_malformed_frames(body: bytes) -> None:
    with pytest.raises(Problem):
        list(frames(io.BytesIO(body)))


def test_queries() -> None:
    assert parse_query("path=%C3%A4+b%2Bc&x&path2=a=b&&e=") == {"path": "ä b+c", "x": "", "path2": "a=b", "e": ""}
    with pytest.raises(Problem):
        parse_query("path=%ff")


def test_labels() -> None:
    assert metadata.from_headers({"x-metadata-a": "b c", "other": "x"}) == {"a": "b c"}
    for bad in ({"x-metadata-a": "ä"}, {"x-metadata-": "x"}, {"x-metadata-a": "x" * 4097}):
        with pytest.raises(Problem):
            metadata.from_headers(bad)


def test_time_limits() -> None:
    assert time_limit(request()) is None
    assert time_limit(request(connect_timeout_ms="0")) is None
    assert time_limit(request(connect_timeout_ms="1500")) == 1.5
    with pytest.raises(Problem):
        time_limit(request(connect_timeout_ms="-1"))
    with pytest.raises(Problem):
        Clock(request(keepalive_ping_interval="soon"), limited=False)


def test_unpacking_is_bounded_and_whole() -> None:
    data = os.urandom(50_000) + b"\0" * 5_000_000
    unpacked = Inflated(io.BytesIO(gzip.compress(data)))
    pieces = list(iter(lambda: unpacked.read(10_000), b""))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 10_000
    assert Inflated(io.BytesIO(b"")).read() == b""
    assert Inflated(io.BytesIO(gzip.compress(b""))).read() == b""


def test_settings() -> None:
    plain = control.settings_of(b'{"env":{"A":"b"}}')
    assert plain == control.Settings({"A": "b"}, "", False, "")
    assert control.settings_of(b'{"env":{},"egress":true}').proxy == "http://127.0.0.1:3128"
    assert control.settings_of(b'{"egress":true,"proxyUrl":"http://p:1"}').proxy == "http://p:1"
    for bad in (b"", b"[]", b'{"env":[]}', b'{"env":{"a":1}}'):
        with pytest.raises(control.SettingsInvalid):
            control.settings_of(bad)


def test_arguments() -> None:
    given = main.parse(["--listen-fd", "5", "--control-fd=6", "--root", "/x", "--egress"])
    assert given == main.Arguments(listen_fd=5, control_fd=6, root="/x", egress=True)
