"""Speaking with a guest."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from chalicelib.sandbox.hosts.base import Link, SandboxError
from chalicelib.sandbox.openings import guard

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_SLOWEST_SECONDS = 300.0
_LEAST_RATE = 64 << 10
"""Bytes a second that are waited for in the long run."""
MOST_BYTES = 16 << 20
"""The longest JSON answer or message taken from a guest: what is read into memory takes a multiple of it."""


class GuestGone(SandboxError):
    """The connection to the computer broke or could not be made."""


class GuestNotReached(GuestGone):
    """The connection to the computer could not be made: nothing of what was asked has begun."""


class GuestProblem(SandboxError):
    """The guest answered with an error; ``code`` is its Connect code."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message, code=code)
        self.guest_code = code
        self.guest_status = status


class GuestClient:
    """A pool of connections to one guest. Raises GuestGone and GuestProblem."""

    def __init__(self, link: Link) -> None:
        transport = httpx2.HTTPTransport(
            # Reading the certificate authorities takes longer than most answers, and a socket needs none.
            verify=link.base_url.startswith("https:"),
            uds=link.uds,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=8, keepalive_expiry=30),
        )
        timeout = httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        self._client = httpx2.Client(
            base_url=link.base_url, auth=link.auth, transport=guard(transport), timeout=timeout
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def call(self, path: str, body: dict[str, Any], *, timeout_s: float = _ANSWER_SECONDS) -> dict[str, Any]:
        """One JSON question and its answer."""
        return told(self.fetch("POST", path, json=body, timeout=timeout_s))

    def fetch(self, method: str, path: str, *, most: int = MOST_BYTES, **options: Any) -> bytes:
        """The whole body of an answer, as it comes: what it may be packed in is not opened."""
        with self.open(method, path, **options) as answer:
            return b"".join(bounded(answer.iter_raw(), most))

    def events(
        self, path: str, body: dict[str, Any], *, silence_s: float = _ANSWER_SECONDS, timeout_ms: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """The messages of a Connect stream; ends when it ends.

        ``silence_s`` is how long it may say nothing, ``timeout_ms`` how long the guest lets it last.
        """
        headers = {"content-type": "application/connect+json", "connect-protocol-version": "1"}
        headers |= {"keepalive-ping-interval": str(max(int(silence_s / 3), 1))}
        if timeout_ms is not None:
            headers["connect-timeout-ms"] = str(timeout_ms)
        with self.open("POST", path, content=frame(body), headers=headers, timeout=silence_s) as answer:
            pieces = answer.iter_raw()
            yield from messages(pieces)
            # Read to the very end, so that the connection can be used again.
            for _ in pieces:
                continue

    def process(self, path: str, body: dict[str, Any], **options: Any) -> "Iterator[Happened]":
        """As ``events``, of a stream about a process."""
        return map(Happened, self.events(path, body, **options))

    @contextmanager
    def open(self, method: str, path: str, **options: Any) -> Iterator[httpx2.Response]:
        """An answer whose body is still to be read."""
        try:
            with self._client.stream(method, path, **options) as answer:
                if answer.status_code >= 400:
                    raise _problem(answer.status_code, _json(b"".join(bounded(answer.iter_raw(), MOST_BYTES))))
                yield answer
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise GuestNotReached(f"the sandbox cannot be reached ({type(error).__name__})") from error
        except httpx2.TransportError as error:
            raise GuestGone(f"the sandbox does not answer ({type(error).__name__})") from error


class Happened:
    """One message about a process; not every one says something. Raises GuestGone for what is none."""

    def __init__(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        if not isinstance(event, dict) or not all(isinstance(event.get(part, {}), dict) for part in ("data", "end")):
            raise _nonsense()
        self.end: dict[str, Any] | None = event.get("end")
        try:
            self.said = b"".join(base64.b64decode(data) for data in event.get("data", {}).values())
        except (ValueError, TypeError):
            raise _nonsense() from None

    @property
    def exit_code(self) -> int | None:
        """What the process ended with; None while it runs."""
        code = None if self.end is None else self.end.get("exitCode", 0)
        if code is not None and not isinstance(code, int):
            raise _nonsense()
        return code


def frame(message: dict[str, Any]) -> bytes:
    """One message in Connect's framing."""
    raw = json.dumps(message).encode()
    return b"\0" + len(raw).to_bytes(4, "big") + raw


def bounded(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """The pieces, as long as they are no more than so many bytes and do not trickle: what is inside a sandbox cannot
    be trusted to end.

    Raises GuestGone.
    """
    begun, taken = time.monotonic(), 0
    for piece in pieces:
        taken += len(piece)
        if taken > most or time.monotonic() - begun > _SLOWEST_SECONDS + taken / _LEAST_RATE:
            raise GuestGone("the sandbox answers without end")
        yield piece


def messages(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The messages of a Connect stream. Raises GuestProblem for its error, GuestGone when it breaks off."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while (whole := _frame_length(held)) <= len(held):
            flag, raw = held[0], bytes(held[5:whole])
            del held[:whole]
            message = told(raw)
            if not flag & 2:
                yield message
                continue
            if problem := message.get("error"):
                raise _problem(200, problem)
            return
    raise GuestGone("the sandbox broke off its answer")


def _frame_length(held: bytearray) -> int:
    length = 5 + (int.from_bytes(held[1:5], "big") if len(held) >= 5 else 0)
    if length > MOST_BYTES:
        raise GuestGone("the sandbox answers without end")
    return length


def told(raw: bytes) -> dict[str, Any]:
    """What a guest says as JSON. Raises GuestGone for what is no object."""
    found = _json(raw)
    if not isinstance(found, dict):
        raise _nonsense()
    return found


def _nonsense() -> GuestGone:
    return GuestGone("the sandbox does not speak as it should")


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _problem(status: int, problem: Any) -> GuestProblem:
    if not isinstance(problem, dict):
        return GuestProblem("unknown", f"the sandbox answered {status}", status)
    return GuestProblem(str(problem.get("code", "unknown")), str(problem.get("message", "")), status)
