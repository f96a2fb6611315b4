"""What a client is sent: answers of one piece, of many, and streams of messages."""

import json
import select
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .wire import FRAMED, MARK, Handover, Json, Problem, Raw, Reply, Stream

_ANSWER_SECONDS = 120.0
_STREAM_SECONDS = 3600.0
"""How long a client of a stream may leave it unread: a command in the background is often listened to late."""
_LAST = 2
GONE = select.POLLHUP | select.POLLERR | select.POLLRDHUP
"""What a poll tells of a client that has hung up."""


class Outgoing:
    """A socket to answer on."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def gone(self) -> bool:
        """Whether the client has hung up."""
        look = select.poll()
        look.register(self._sock.fileno(), GONE)
        return bool(look.poll(0))

    def go_on(self) -> None:
        """Tell a client that waits for leave to send its body."""
        self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send(self, reply: Reply, *, keep: bool) -> bool:
        """Answer; whether the connection can be used again.

        Raises ConnectionError when the client is gone or the answer broke off, and whatever the answer's maker raises
        before there is anything to send: then another answer can be sent instead.
        """
        self._sock.settimeout(_ANSWER_SECONDS)
        if isinstance(reply, Json):
            return self._send_json(reply, keep)
        if isinstance(reply, Raw):
            return self._send_raw(reply, keep)
        if isinstance(reply, Handover):
            reply.talk(self._sock)
            return False
        return self._send_stream(reply, keep)

    def _write(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise ConnectionError("the client does not read") from None

    def _send_json(self, reply: Json, keep: bool) -> bool:
        raw = b"" if reply.body is None else json.dumps(reply.body, separators=(",", ":")).encode()
        headers = {} if reply.status == 204 else {"content-length": str(len(raw))}
        if raw:
            headers["content-type"] = "application/json"
        self._write(_head(reply.status, headers, keep) + raw)
        return keep

    def _send_raw(self, reply: Raw, keep: bool) -> bool:
        size = {"transfer-encoding": "chunked"} if reply.length is None else {"content-length": str(reply.length)}
        headers = {"content-type": reply.media_type, **reply.headers, **size}
        chunked = reply.length is None
        with _Closing(reply.pieces) as pieces:
            first = next(pieces, b"")
            self._write(_head(reply.status, headers, keep) + (_chunk(first) if chunked and first else first))
            sent = len(first) + self._send_pieces(pieces, chunked)
        # After a file that shrank meanwhile only the connection's end tells the client that nothing more comes.
        return keep and reply.length in (None, sent)

    def _send_pieces(self, pieces: Iterator[bytes], chunked: bool) -> int:
        sent = 0
        try:
            for piece in filter(None, pieces):
                self._write(_chunk(piece) if chunked else piece)
                sent += len(piece)
        except ConnectionError:
            raise
        except Exception as error:
            internal(error)
            raise ConnectionError("the answer broke off") from error
        if chunked:
            self._write(b"0\r\n\r\n")
        return sent

    def _send_stream(self, reply: Stream, keep: bool) -> bool:
        with _Closing(reply.messages) as messages:
            first = self._first(messages)
            self._sock.settimeout(_STREAM_SECONDS)
            begin = b"" if first is None else _chunk(_frame(0, first))
            self._write(_head(200, {"content-type": FRAMED, "transfer-encoding": "chunked"}, keep) + begin)
            self._write(_chunk(_frame(_LAST, self._send_messages(messages))) + b"0\r\n\r\n")
        return keep

    def _first(self, messages: Iterator[dict[str, Any] | None]) -> dict[str, Any] | None:
        """The message whose coming decides between a stream and an error answer; None when there is none at all."""
        for message in messages:
            if message is not None:
                return message
            self._check()
        return None

    def _send_messages(self, messages: Iterator[dict[str, Any] | None]) -> dict[str, Any]:
        """Send all there will be; what the end says."""
        try:
            for message in messages:
                if message is None:
                    self._check()
                else:
                    self._write(_chunk(_frame(0, message)))
        except Problem as problem:
            return {"error": {"code": problem.code, "message": problem.message}}
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - written down there, and told to the caller
            return {"error": {"code": "internal", "message": internal(error)}}
        return {}

    def _check(self) -> None:
        if self.gone():
            raise ConnectionError("the client has hung up")


class _Closing:
    """Pieces of an answer, let go of whatever happens."""

    def __init__(self, pieces: Iterable[Any]) -> None:
        self._source = pieces
        self._pieces = iter(pieces)

    def __enter__(self) -> Iterator[Any]:
        return self._pieces

    def __exit__(self, *_: object) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


def internal(error: BaseException) -> str:
    """Keep a fault of ours for the operator; what the caller is told of it."""
    import traceback

    sys.stderr.write("".join(traceback.format_exception(error)))
    sys.stderr.flush()
    return f"an internal error occurred ({type(error).__name__})"


def _head(status: int, headers: Mapping[str, str], keep: bool) -> bytes:
    told = {**headers, MARK: "1"}
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}", *(f"{name}: {value}" for name, value in told.items())]
    if not keep:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _frame(flag: int, message: dict[str, Any]) -> bytes:
    raw = json.dumps(message, separators=(",", ":")).encode()
    return bytes((flag,)) + len(raw).to_bytes(4, "big") + raw


_REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 400: "Bad Request", 404: "Not Found"}
