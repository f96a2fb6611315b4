"""What a client sends: the head of a request and its body, read from a socket within limits."""

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .wire import Problem

_LONGEST_HEAD = 64 << 10
_MOST_HEADERS = 200
_LONGEST_LINE = 8 << 10
_LARGEST_WHOLE = 64 << 20
_PIECE = 256 << 10


class HungUp(ConnectionError):
    """The client went away in the middle of a request."""


class Head(NamedTuple):
    """The first part of a request; header names are in lower case."""

    method: str
    target: str
    version: str
    headers: Mapping[str, str]

    def keeps(self) -> bool:
        """Whether the client means to use the connection again."""
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish and (self.version != "HTTP/1.0" or "keep-alive" in wish)


class Incoming:
    """A socket to read from, with what was read too far held back."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._held = bytearray()

    def head(self) -> Head | None:
        """The next request's head; None when the client closed instead. Raises Problem, HungUp, OSError."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _LONGEST_HEAD:
                raise Problem("invalid_argument", "the request's head is too long", 431)
            piece = self._receive(_LONGEST_HEAD)
            if not piece:
                if self._held.strip():
                    raise HungUp("in the head of a request")
                return None
            self._held += piece
        if end > _LONGEST_HEAD:
            raise Problem("invalid_argument", "the request's head is too long", 431)
        raw = bytes(self._held[:end])
        del self._held[: end + 4]
        return _parse(raw.decode("latin-1").lstrip("\r\n"))

    def _receive(self, size: int) -> bytes:
        try:
            return self._sock.recv(size)
        except TimeoutError:
            raise HungUp("by sending nothing any more") from None

    def take(self, size: int) -> bytes:
        """At least one and at most ``size`` bytes. Raises HungUp, OSError."""
        if self._held:
            piece = bytes(self._held[:size])
            del self._held[:size]
            return piece
        piece = self._receive(min(size, _PIECE))
        if not piece:
            raise HungUp("in the body of a request")
        return piece

    def line(self) -> bytes:
        """One line without its end. Raises Problem, HungUp, OSError."""
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > _LONGEST_LINE:
                raise Problem("invalid_argument", "a line of the body's framing is too long")
            piece = self._receive(_LONGEST_LINE)
            if not piece:
                raise HungUp("in the framing of a body")
            self._held += piece
        found = bytes(self._held[:end])
        del self._held[: end + 2]
        return found


def _parse(text: str) -> Head:
    first, *rest = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or len(rest) > _MOST_HEADERS:
        raise Problem("invalid_argument", "this is not a request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Problem("invalid_argument", "a header is malformed")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(words[0], words[1], words[2], headers)


class Body:
    """One request's body. ``on_first`` is called before the first byte is waited for."""

    def __init__(self, incoming: Incoming, headers: Mapping[str, str], on_first: Callable[[], None]) -> None:
        self._incoming = incoming
        self._on_first = on_first
        self._chunked = _is_chunked(headers)
        self._left = 0 if self._chunked else _length(headers)
        self._begun = False
        self.ended = not self._chunked and self._left == 0

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes (all that is left when negative), nothing at the end. Raises Problem, OSError."""
        if size < 0:
            return self._whole()
        if self.ended or size == 0:
            return b""
        if not self._begun:
            self._begun = True
            self._on_first()
        if self._chunked and self._left == 0 and not self._next_chunk():
            return b""
        piece = self._incoming.take(min(size, self._left))
        self._left -= len(piece)
        if self._left == 0:
            self._close_part()
        return piece

    def discard(self, most: int) -> bool:
        """Read and forget what is left, up to that many bytes; whether that was all."""
        while not self.ended and most > 0 and (piece := self.read(min(most, _PIECE))):
            most -= len(piece)
        return self.ended

    @property
    def unasked(self) -> bool:
        """Whether nothing of a body that is to come was waited for yet."""
        return not self._begun and not self.ended

    def _whole(self) -> bytes:
        held = bytearray()
        while piece := self.read(_PIECE):
            held += piece
            if len(held) > _LARGEST_WHOLE:
                raise Problem("resource_exhausted", "the body is too long", 413)
        return bytes(held)

    def _next_chunk(self) -> bool:
        word = self._incoming.line().partition(b";")[0].strip()
        if not word or len(word) > 15 or word.strip(b"0123456789abcdefABCDEF"):
            raise Problem("invalid_argument", "a chunk of the body has no size")
        self._left = int(word, 16)
        if self._left:
            return True
        while self._incoming.line():
            continue
        self.ended = True
        return False

    def _close_part(self) -> None:
        if not self._chunked:
            self.ended = True
        elif self._incoming.line():
            raise Problem("invalid_argument", "a chunk of the body is longer than it says")


def _is_chunked(headers: Mapping[str, str]) -> bool:
    coding = headers.get("transfer-encoding", "").lower()
    if not coding:
        return False
    # Two ways to tell the length are a way to smuggle a request past whoever reads the other one.
    if coding != "chunked" or "content-length" in headers:
        raise Problem("invalid_argument", "the body's length is not clear")
    return True


def _length(headers: Mapping[str, str]) -> int:
    word = headers.get("content-length", "0")
    if not (word.isascii() and word.isdigit() and len(word) <= 18):
        raise Problem("invalid_argument", "the body's length is not a number")
    return int(word)
