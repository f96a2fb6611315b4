"""One HTTP/1.1 request and its answer over a connection of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.outbound.decoding import ACCEPTED, BodyReader
from chalicelib.outbound.errors import AnswerUnreadable, RequestRefused
from chalicelib.outbound.url import Url
from chalicelib.outbound.wire import Wire

if TYPE_CHECKING:
    import h11

_MAX_HEAD = 64 * 1024
_WIRE_SLACK = 64 * 1024
_OURS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect", "upgrade", "te")
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one URL; header names are lower-case."""

    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """An answer: header names lower-case, repeated ones joined by a comma; ``truncated`` when the body did not fit;
    ``url`` is the one that answered, after redirects."""

    status: int
    headers: dict[str, str]
    body: bytes
    truncated: bool
    url: str


def exchange(wire: Wire, request: Request, max_bytes: int) -> OutboundAnswer:
    """Send the request and read the answer, at most ``max_bytes`` of its decoded body.

    Raises RequestRefused, AnswerUnreadable, OSError, OutboundTimeout, OutboundCancelled.
    """
    import h11

    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    wire.send(_encoded(connection, request))
    try:
        head = _read_head(wire, connection)
        headers = _joined(head)
        body = _read_body(wire, connection, BodyReader(headers.get("content-encoding", ""), max_bytes), max_bytes)
    except h11.RemoteProtocolError:
        raise AnswerUnreadable("The host did not send a whole HTTP answer.") from None
    return OutboundAnswer(head.status_code, headers, bytes(body.body), body.truncated, str(request.url))


def _encoded(connection: h11.Connection, request: Request) -> bytes:
    import h11

    try:
        head = h11.Request(method=request.method, target=request.url.target, headers=_headers(request))
        parts = [connection.send(head)]
        if request.body:
            parts.append(connection.send(h11.Data(data=request.body)))
        parts.append(connection.send(h11.EndOfMessage()))
    except (h11.LocalProtocolError, UnicodeEncodeError):
        raise RequestRefused("The method or the headers of the request are not valid.") from None
    return b"".join(part for part in parts if part)


def _headers(request: Request) -> list[tuple[str, str]]:
    pairs = [("host", request.url.authority), ("connection", "close"), ("accept-encoding", ACCEPTED)]
    if request.body is not None:
        pairs.append(("content-length", str(len(request.body))))
    return pairs + [(name, value) for name, value in request.headers.items() if name not in _OURS]


def _next_event(wire: Wire, connection: h11.Connection) -> object:
    import h11

    while True:
        event = connection.next_event()
        if event is not h11.NEED_DATA:
            return event
        connection.receive_data(wire.receive())


def _read_head(wire: Wire, connection: h11.Connection) -> h11.Response:
    import h11

    while True:
        event = _next_event(wire, connection)
        if isinstance(event, h11.Response):
            return event
        if not isinstance(event, h11.InformationalResponse):
            raise AnswerUnreadable("The host closed the connection without an answer.")


def _read_body(wire: Wire, connection: h11.Connection, reader: BodyReader, max_bytes: int) -> BodyReader:
    import h11

    # A compressed body may expand to nothing at all, so what comes in is counted, too.
    budget = max_bytes + _WIRE_SLACK
    while not reader.truncated:
        event = _next_event(wire, connection)
        if not isinstance(event, h11.Data):
            break
        budget -= len(event.data)
        if budget < 0:
            reader.truncated = True
        else:
            reader.feed(bytes(event.data))
    return reader


def _joined(head: h11.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
