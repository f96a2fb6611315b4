"""Serves the application on a port, until it is told to stop."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from chalicelib.http.app import end_streams

_BACKLOG = 2048
_GRACE_SECONDS = 2
_TICK_SECONDS = 0.05
_LONGEST_HEAD = 64 << 10


class CannotListen(OSError):
    """The address cannot be listened on."""


class PortInUse(CannotListen):
    """Another program listens on the port."""


def serve(app: Starlette, host: str, port: int, *, ready: Callable[[int], None], stop: threading.Event) -> None:
    """Serve until ``stop`` is set or, on the main thread, until SIGINT or SIGTERM comes.

    ``ready`` is called with the port once requests are answered; port 0 takes a free one. Open streams are ended at
    once, other requests have two seconds. Raises CannotListen, PortInUse.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
        reset_contextvars=True,
    )
    # The application logs what fails in it; the rest of what uvicorn tells is of no use to an operator.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    with contextlib.closing(listener):
        asyncio.run(_Server(config, app, ready, stop).serve([listener]))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise CannotListen(f"{host} is not an address of this machine.") from error
    # asyncio sends small writes at once only on sockets that say they are TCP; else each answer waits for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(error, host, port) from error
    return listener


def _refusal(error: OSError, host: str, port: int) -> CannotListen:
    import errno

    if error.errno == errno.EADDRINUSE:
        return PortInUse(f"Port {port} on {host} is taken by another program; choose another one.")
    if error.errno == errno.EACCES:
        return CannotListen(f"Port {port} may only be used by root; choose one above 1023.")
    return CannotListen(f"Cannot listen on {host} port {port}: {error.strerror}.")


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, app: Starlette, ready: Callable[[int], None], stop: threading.Event
    ) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._ready(int(sockets[0].getsockname()[1]))

    async def main_loop(self) -> None:
        counter = 0
        while not self._stop.is_set() and not await self.on_tick(counter):
            # uvicorn renews the date header every tenth tick.
            counter = (counter + 1) % 10
            await asyncio.sleep(_TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self._app)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again when it is done, which would end the program with a traceback.
        with super().capture_signals():
            yield
            self._captured_signals.clear()
