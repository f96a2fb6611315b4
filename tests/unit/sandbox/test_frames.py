"""Entries from a guest: whole ones are taken, and nothing a hostile guest makes up."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestGone, GuestProblem, Happened, bounded, messages
from chalicelib.sandbox.frames import framed, received, sent
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Entry

ROOTS = ("/workspace",)
END = framed({"end": True, "removed": ["/workspace/gone", "/etc/passwd"], "seq": 7})


def file(path: Any, data: bytes = b"x", **more: Any) -> bytes:
    """A file as it travels."""
    return framed({"path": path, "type": "file", "mode": 0o644, "mtime": 1, "size": len(data)} | more) + data


def deep(begin: bytes) -> bytes:
    """JSON that is nested deeper than anybody can read it."""
    raw = begin + b"[" * 100_000
    return len(raw).to_bytes(4, "big") + raw


def cut(raw: bytes, size: int) -> Iterator[bytes]:
    """In pieces of that size."""
    return (raw[start : start + size] for start in range(0, len(raw), size))


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
def test_entries_arrive_however_they_are_cut(size: int) -> None:
    finish = Finish()
    raw = file("/workspace/a", b"one") + file("/workspace/b", b"") + END
    taken = [(one.path, b"".join(one.pieces())) for one in received(cut(raw, size), finish, ROOTS)]
    assert taken == [("/workspace/a", b"one"), ("/workspace/b", b"")]
    assert (finish.seq, finish.removed) == (7, ["/workspace/gone"])


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/workspace", "/workspace/../etc/x", "/workspace//x", "/workspacex/a", "/workspace/" + "a" * 5000],
)
def test_what_lies_elsewhere_is_passed_over(path: str) -> None:
    raw = file(path, b"bad") + file("/workspace/a", b"good") + END
    assert [one.path for one in received(iter([raw]), Finish(), ROOTS)] == ["/workspace/a"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\x05hello",
        framed({"path": "/workspace/a", "type": "device", "mode": 0, "mtime": 0, "size": 0}),
        file("/workspace/a", size=-1),
        file("/workspace/a", mode="x"),
        file(7),
        file("/workspace/a", b"short", size=99),
        file("/workspace/a", mtime=10**30),
        file("/workspace/\ud800"),
        file("/workspace/a", labels={"a": "\ud800"}),
        file("/workspace/a", labels=["a"]),
        framed({"path": "/workspace/a", "type": "symlink", "mode": 0, "mtime": 0, "size": 0, "target": "\udcff"}),
        framed({"path": "/workspace/a", "type": "symlink", "target": "a/" * 5000}),
        file("/workspace/a", labels={"a": "b" * 100_000}),
        file("/workspace/a", mode=0o10000),
        file("/workspace/a", size=10**30),
        deep(b'{"path":'),
        deep(b""),
        framed({"end": True, "removed": "/workspace/a", "seq": 1}),
        framed({"end": True, "removed": [], "seq": "1"}),
        framed({"end": True, "removed": [], "seq": 10**40}),
        framed({"removed": 5}),
        framed({"path": "/workspace/a", "type": "dir", "target": "x" * (5 << 20)}),
        b"",
    ],
    ids=[
        *("length", "text", "kind", "size", "mode", "path", "short"),
        *("time", "name", "label", "labels", "target", "long-target", "long-labels", "modes", "sizes"),
        *("deep", "deeper", "removed", "number", "numbers", "gone", "long", "nothing"),
    ],
)
def test_what_no_guest_would_send_is_refused(raw: bytes) -> None:
    with pytest.raises(GuestGone):
        list(received(iter([raw]), Finish(), ROOTS))


def test_entries_are_sent_as_they_are_received() -> None:
    entries = [
        ("/workspace/a", Entry("file", 0o600, 9, 3, labels={"owner": "me"}), [b"on", b"e"]),
        ("/workspace/l", Entry("symlink", 0o777, 1, target="a"), ()),
    ]
    raw = b"".join(sent(entries, ["/workspace/b"]))
    closing = framed({"end": True, "removed": ["/workspace/b"]})
    assert raw.endswith(closing)
    found = list(received(iter([raw.removesuffix(closing) + END]), Finish(), ROOTS))
    assert [one.header["type"] for one in found] == ["file", "symlink"]
    assert found[0].header["labels"] == {"owner": "me"}


def test_an_answer_without_end_is_cut_off() -> None:
    with pytest.raises(GuestGone):
        list(bounded(iter([b"x" * 10] * 10), 99))
    assert b"".join(bounded(iter([b"x" * 10] * 10), 100)) == b"x" * 100


def message(value: Any, flag: int = 0) -> bytes:
    """A message of a stream."""
    raw = json.dumps(value).encode()
    return bytes([flag]) + len(raw).to_bytes(4, "big") + raw


def test_messages_arrive_however_they_are_cut() -> None:
    raw = message({"a": 1}) + message({"b": 2}) + message({}, 2)
    assert list(messages(cut(raw, 3))) == [{"a": 1}, {"b": 2}]


def test_headers_without_end_are_cut_off() -> None:
    large = framed({"path": "/elsewhere", "type": "dir", "more": "x" * (3 << 20)})
    with pytest.raises(GuestGone):
        list(received((large for _ in range(100)), Finish(), ROOTS))


def test_what_is_gone_is_told_in_parts() -> None:
    finish = Finish()
    raw = file("/workspace/a") + framed({"removed": ["/workspace/b", "/etc/passwd"]}) + END
    assert [one.path for one in received(iter([raw]), finish, ROOTS)] == ["/workspace/a"]
    assert (finish.seq, finish.removed) == (7, ["/workspace/b", "/workspace/gone"])


@pytest.mark.parametrize(
    "raw",
    [
        b"\0\xff\xff\xff\xff",
        b"\0\0\0\0\x02{]",
        b"",
        message({"a": 1}),
        message([1]),
        message(None, 2),
        b"\0" + deep(b'{"event":'),
    ],
)
def test_a_stream_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(GuestGone):
        list(messages(iter([raw])))


@pytest.mark.parametrize(
    "event",
    [
        *({}, {"event": None}, {"event": 1}, {"event": {"end": 1}}, {"event": {"data": "x"}}),
        *({"event": {"data": {"stdout": told}}} for told in (5, "a", "\ud800")),
        {"event": {"end": {"exitCode": "x"}}},
    ],
)
def test_a_process_in_no_form_is_refused(event: Any) -> None:
    with pytest.raises(GuestGone):
        _ = Happened(event).exit_code


def test_a_process_is_heard() -> None:
    said = Happened({"event": {"data": {"stdout": "b25l", "stderr": "dHdv"}}})
    assert (said.said, said.exit_code, said.end) == (b"onetwo", None, None)
    ended = Happened({"event": {"end": {"exitCode": 3}}})
    assert (ended.said, ended.exit_code, ended.end) == (b"", 3, {"exitCode": 3})
    killed = Happened({"event": {"end": {"exited": True}}})
    assert killed.exit_code == 0
    assert Happened({"event": {"keepalive": {}}}).exit_code is None


@pytest.mark.parametrize("problem", ["text", ["list"], {"code": ["x"], "message": {"a": 1}}])
def test_an_error_in_any_form_is_an_error(problem: Any) -> None:
    with pytest.raises(GuestProblem):
        list(messages(iter([message({"error": problem}, 2)])))
