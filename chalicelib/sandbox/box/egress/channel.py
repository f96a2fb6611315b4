"""Sockets that never block, what waits to be sent through them, and the one wait for them all."""

import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping

from chalicelib.sandbox.box.egress.errors import Halted

READ, WRITE = select.POLLIN, select.POLLOUT
# Where the platform cannot tell that the other side left, the next attempt to send finds out.
LEFT = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_PIECE = 65536
_FULL = 256 * 1024
_LINGER_SECONDS = 1.0


class Halt:
    """A switch that ends every wait at once, for good."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._reader, self._writer = socket.socketpair()

    def fileno(self) -> int:
        """Readable once the switch is thrown."""
        return self._reader.fileno()

    def throw(self) -> None:
        """End all waits, those that are yet to come as well."""
        self.event.set()
        self._writer.close()

    def close(self) -> None:
        """Give the descriptor back, when nobody waits any more."""
        self._reader.close()


class Channel:
    """One socket; ``ended`` is set when nothing more comes in."""

    def __init__(self, connection: socket.socket) -> None:
        """Takes the socket over."""
        connection.setblocking(False)
        self.socket = connection
        self.ended = False
        self._out = bytearray()
        self._send_waits_for = WRITE
        self._last = False

    @property
    def secured(self) -> bool:
        """Whether it is TLS, which cannot be closed in one direction only."""
        return isinstance(self.socket, ssl.SSLSocket)

    @property
    def full(self) -> bool:
        """Whether so much waits to be sent that nothing should be added."""
        return len(self._out) >= _FULL

    @property
    def drained(self) -> bool:
        """Whether all that was queued is sent."""
        return not self._out

    def interest(self, *, reading: bool) -> int:
        """What to wait for."""
        wanted = READ if reading and not self.ended else 0
        return wanted | (self._send_waits_for if self._out else 0)

    def receive(self) -> bytes | None:
        """What has come, None when nothing has, empty at the end. Raises OSError."""
        if self.ended:
            return b""
        try:
            data = self.socket.recv(_PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        self.ended = not data
        return data

    def queue(self, data: bytes) -> None:
        """Add to what will be sent."""
        self._out += data

    def discard(self) -> None:
        """Forget what was not sent yet."""
        self._out.clear()

    def flush(self) -> bool:
        """Send what can be sent now; whether anything was. Raises OSError."""
        moved = False
        while self._out:
            try:
                sent = self.socket.send(self._out[:_PIECE])
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._send_waits_for = WRITE
                break
            except ssl.SSLWantReadError:
                self._send_waits_for = READ
                break
            del self._out[:sent]
            moved = True
        if self._last and self.drained:
            self._last = False
            self._finish()
        return moved

    def finish(self) -> None:
        """After what is queued, tell the other side that nothing follows; a plain connection can still be read."""
        self._last = True
        self.flush()

    def close(self) -> None:
        """Close at once."""
        self.socket.close()

    def _finish(self) -> None:
        try:
            if isinstance(self.socket, ssl.SSLSocket):
                self.socket.unwrap()
            else:
                self.socket.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            self.ended = True


def wait(halt: Halt, wanted: Mapping[Channel, int], seconds: float) -> dict[Channel, int]:
    """Which channels are ready, and for what; none after ``seconds``. One without interest is not looked at, for a
    broken connection is always ready to say so. Raises Halted."""
    poll = select.poll()
    poll.register(halt.fileno(), READ)
    channels = {}
    for channel, interest in wanted.items():
        if interest:
            number = channel.socket.fileno()
            channels[number] = channel
            poll.register(number, interest)
    ready = dict(poll.poll(max(seconds, 0) * 1000))
    if halt.event.is_set():
        raise Halted
    return {channels[number]: event for number, event in ready.items() if number in channels}


def drain(halt: Halt, channel: Channel, seconds: float) -> bool:
    """Send all that is queued; False when time was too short. Raises OSError, Halted."""
    until = time.monotonic() + seconds
    while not channel.drained:
        if not channel.flush():
            if time.monotonic() >= until:
                return False
            wait(halt, {channel: channel.interest(reading=False)}, until - time.monotonic())
    return True


def part(halt: Halt, channel: Channel) -> None:
    """Send the last words and close only after the other side had the time to read them. Raises OSError, Halted."""
    if not drain(halt, channel, _LINGER_SECONDS):
        return
    channel.finish()
    until = time.monotonic() + _LINGER_SECONDS
    # Closing with unread input would reset the connection and with it what was sent last.
    while not channel.secured and not channel.ended and time.monotonic() < until:
        if channel.receive() is None:
            wait(halt, {channel: READ}, until - time.monotonic())
