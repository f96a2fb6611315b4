"""One end of an HTTP/1.1 connection: events over a channel."""

import time
from http import HTTPStatus

import h11

from chalicelib.sandbox.box.egress.channel import READ, Channel, Halt, wait
from chalicelib.sandbox.box.egress.errors import Refused, Stalled

MOST_HEAD = 64 * 1024


class Peer:
    """A channel and the state of what is spoken over it."""

    def __init__(self, channel: Channel, role: type[h11.CLIENT] | type[h11.SERVER]) -> None:
        """``role`` is the proxy's own part."""
        self.channel = channel
        self.http = h11.Connection(role, max_incomplete_event_size=MOST_HEAD)

    def next(self) -> h11.Event | None:
        """The next event, None when more has to come for it. Raises OSError, h11.RemoteProtocolError."""
        while True:
            event = self.http.next_event()
            if event is h11.PAUSED:
                return None
            if isinstance(event, h11.Event):
                return event
            data = self.channel.receive()
            if data is None:
                return None
            self.http.receive_data(data)

    def send(self, event: h11.Event) -> None:
        """Queue an event. Raises h11.LocalProtocolError."""
        self.channel.queue(self.http.send(event) or b"")

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on the connection."""
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE

    @property
    def leftover(self) -> bytes:
        """What came behind the last HTTP message."""
        return bytes(self.http.trailing_data[0])


def next_request(client: Peer, halt: Halt, seconds: float) -> h11.Request | None:
    """The client's next request, None when it leaves or stays silent.

    Raises Refused for one that cannot be read; Stalled for one that does not become whole; OSError, Halted.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            event = client.next()
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, "The request cannot be read.") from None
        if isinstance(event, h11.Request):
            return event
        if event is not None:
            return None
        if not wait(halt, {client.channel: READ}, until - time.monotonic()):
            if client.leftover:
                raise Stalled
            return None


def answer(client: Peer, refused: Refused) -> None:
    """Queue the proxy's own answer, unless an answer has begun already."""
    if client.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    text = f"{refused.message}\n".encode()
    headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(text))),
        ("connection", "close"),
    ]
    phrase = HTTPStatus(refused.answer_status).phrase.encode()
    client.send(h11.Response(status_code=refused.answer_status, headers=headers, reason=phrase))
    client.send(h11.Data(data=text))
    client.send(h11.EndOfMessage())
