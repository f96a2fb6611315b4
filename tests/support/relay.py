"""A TCP relay before a server, with which a test breaks connections at the moment it chooses."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_PIECE = 65_536


class Relay:
    """Passes bytes both ways. ``url`` is what clients use."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._swallow: bytes | None = None
        self.swallowed = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        self.cut()

    def cut(self) -> int:
        """Break all connections; how many there were."""
        with self._lock:
            opened, self._open = self._open, set()
        for one in opened:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        return len(opened) // 2

    def swallow_answer(self, beginning: bytes) -> None:
        """Let the next request that begins so reach the server, and break its connection instead of the answer."""
        self._swallow = beginning

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            with self._lock:
                self._open |= {client, server}
            deaf = threading.Event()
            for source, sink, asks in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass, args=(source, sink, deaf, asks), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, deaf: threading.Event, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                if asks and self._swallow is not None and piece.startswith(self._swallow):
                    self._swallow = None
                    deaf.set()
                elif not asks and deaf.is_set():
                    self.swallowed += 1
                    break
                sink.sendall(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
