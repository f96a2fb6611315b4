"""What stands in a guest's place and sends interim answers without end keeps nobody busy."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from chalicelib.doors.e2b.plane.guests import Guests
from chalicelib.sandbox.client import GuestClient, GuestGone
from chalicelib.sandbox.hosts.base import Link

_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@contextlib.contextmanager
def standing_in(*pieces: bytes, endless: bool = False) -> Iterator[Link]:
    """Somebody who answers each request with these pieces, the last one again and again if ``endless``."""
    with TemporaryDirectory(prefix="lb-") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = str(Path(folder) / "s")
        listener.bind(path)
        listener.listen()

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                while connection.recv(65536):
                    for piece in pieces:
                        connection.sendall(piece)
                    while endless:
                        connection.sendall(pieces[-1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield Link("http://guest", path)
        finally:
            listener.shutdown(socket.SHUT_RDWR)


INTERIM = [
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 500,),
    (b"HTTP/1.0 199 Wait\r\n\r\n",),
    (b"HTTP/2.0 103 Hints\r\n\r\n",),
    (b"HTT", b"P/1.1 ", b"1", b"00 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
    (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",),
]


@pytest.mark.parametrize("pieces", INTERIM)
def test_a_call_ends_at_the_first_interim_answer(pieces: tuple[bytes, ...]) -> None:
    with (
        standing_in(*pieces, endless=True) as link,
        contextlib.closing(GuestClient(link)) as client,
        pytest.raises(GuestGone),
    ):
        client.call("/health", {})


@pytest.mark.parametrize("pieces", INTERIM)
def test_so_does_what_is_passed_on(pieces: tuple[bytes, ...]) -> None:
    async def ask(link: Link) -> None:
        guests = Guests()
        lease = await guests.lease("one", link)
        try:
            with pytest.raises(httpx2.RemoteProtocolError):
                await lease.client.get("/health")
        finally:
            await lease.release()
            await guests.close()

    with standing_in(*pieces, endless=True) as link:
        asyncio.run(asyncio.wait_for(ask(link), 20))


def test_answers_are_read_one_after_another_however_they_are_cut() -> None:
    with (
        standing_in(_WHOLE[:4], _WHOLE[4:9], _WHOLE[9:]) as link,
        contextlib.closing(GuestClient(link)) as client,
    ):
        assert [client.call("/health", {}) for _ in range(3)] == [{}, {}, {}]
