"""The first words between server and guest."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.sandbox.box import control
from chalicelib.sandbox.box.errors import StartFailed

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's end and the guest's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(2)
        yield ours, theirs


def test_the_environment_goes_in_as_one_line(pair: Pair) -> None:
    control.tell(pair[0], {"A": "b\nc"})
    said = pair[1].recv(999)
    assert said.count(b"\n") == 1
    assert json.loads(said) == {"env": {"A": "b\nc"}}


def test_readiness_without_a_socket(pair: Pair) -> None:
    pair[1].sendall(b'{"ready":true}\n')
    assert control.await_ready(pair[0]) is None


def test_readiness_with_the_socket_of_the_way_out(pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.send_fds(pair[1], [b'{"ready":true}\n'], [listener.fileno()])
        received = control.await_ready(pair[0])
        assert received
        with received, socket.create_connection(listener.getsockname()), received.accept()[0] as connection:
            assert connection.family == socket.AF_INET
            assert not os.get_inheritable(received.fileno())


@pytest.mark.parametrize("said", [b"{}", b"nonsense", b"[1]", b'{"ready":"yes"}'])
def test_other_words_are_a_failure(pair: Pair, said: bytes) -> None:
    pair[1].sendall(said)
    with pytest.raises(StartFailed, match="unknown"):
        control.await_ready(pair[0])


def test_an_end_without_a_word_is_a_failure(pair: Pair) -> None:
    pair[1].close()
    with pytest.raises(StartFailed, match="ended"):
        control.await_ready(pair[0])
    with pytest.raises(StartFailed, match="did not take"):
        control.tell(pair[0], {})


def test_silence_is_a_failure(pair: Pair) -> None:
    pair[0].settimeout(0.05)
    with pytest.raises(StartFailed, match="in time"):
        control.await_ready(pair[0])


def _descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _strangers() -> list[tuple[str, int]]:
    """Descriptors that are not what they should be, fresh ones."""
    read, write = os.pipe()
    os.close(write)
    datagrams, streams, local = (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    )
    return [
        ("a pipe", read),
        ("datagrams", datagrams.detach()),
        ("a stream that does not listen", streams.detach()),
        ("a socket of files", local.detach()),
    ]


def test_a_descriptor_of_another_kind_is_refused_and_closed(pair: Pair) -> None:
    for _, fd in _strangers():
        before = _descriptors()
        socket.send_fds(pair[1], [b'{"ready":true}\n'], [fd])
        with pytest.raises(StartFailed, match="socket"):
            control.await_ready(pair[0])
        assert _descriptors() == before
        os.close(fd)
