"""Listens on every address of the machine, of both families, and counts who came."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nreached"


class Canary:
    """Answers ``reached``; ``met`` is how often somebody came."""

    def __init__(self) -> None:
        self.met = 0
        self._listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.met += 1
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(_ANSWER)
