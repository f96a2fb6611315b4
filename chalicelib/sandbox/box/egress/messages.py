"""The heads of messages as they pass the proxy: what belongs to one connection only stays behind."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import h11

from chalicelib.outbound.url import Url
from chalicelib.sandbox.box.egress.errors import Refused, UpstreamGone
from chalicelib.sandbox.box.egress.inject import MOST_BODY, Headers, Rewriter
from chalicelib.sandbox.box.egress.rules import request_target, same_host
from chalicelib.sandbox.box.egress.scrub import Masks

_PER_HOP = frozenset(
    (
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    )
)
_REPEATABLE = frozenset((b"GET", b"HEAD", b"OPTIONS"))
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_GZIP_OR_ZLIB = 47
_PIECE = 64 * 1024
_UPGRADE: Headers = [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]


@dataclass(frozen=True, slots=True)
class Order:
    """A request as it goes on: where to, and its head. ``upgrade`` when it wants to become a WebSocket."""

    url: Url
    method: bytes
    headers: Headers
    upgrade: bool

    def head(self) -> h11.Request:
        """Raises h11.LocalProtocolError for what no head can hold."""
        more = _UPGRADE if self.upgrade else []
        return h11.Request(
            method=self.method,
            target=self.url.target,
            headers=[(b"host", self.url.authority.encode()), *self.headers, *more],
        )

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent once more when it is not known what became of it."""
        return self.method in _REPEATABLE and self.bodiless

    @property
    def bodiless(self) -> bool:
        """Whether nothing follows the head."""
        return all(name == b"content-length" and not int(value) for name, value in self._framing())

    @property
    def fits(self) -> bool:
        """Whether the body may be held whole, as far as the head tells; one in a coding is left as it is."""
        if any(name == b"content-encoding" for name, _ in self.headers):
            return False
        return all(name != b"content-length" or int(value) <= MOST_BODY for name, value in self._framing())

    def with_body(self, rewriter: Rewriter, body: bytes) -> tuple[Order, bytes]:
        """The same with the whole body changed and its length told."""
        kind = next((value for name, value in self.headers if name == b"content-type"), b"")
        changed = rewriter.body(kind, body)
        kept = [pair for pair in self.headers if pair[0] not in _FRAMING and pair[0] != b"expect"]
        return replace(self, headers=[*kept, (b"content-length", str(len(changed)).encode())]), changed

    def _framing(self) -> Headers:
        return [pair for pair in self.headers if pair[0] in _FRAMING]


def destination(request: h11.Request, origin: Url | None) -> Url:
    """Where a request leads. Inside a tunnel to ``origin`` it must not name another host. Raises Refused."""
    target = request.target.decode("latin-1")
    if origin is None:
        return request_target(target)
    named = [value.decode("latin-1") for name, value in request.headers if name == b"host"]
    if target.lower().startswith(("http://", "https://")):
        inner = request_target("http://" + target.partition("://")[2])
        named.append(inner.authority)
        target = inner.target
    if not all(same_host(name, origin) for name in named):
        raise Refused(403, f"The connection was opened to {origin.host}; its requests cannot name another host.")
    if not target.startswith("/") and target != "*":
        raise Refused(400, "The request's target is not a path.")
    return replace(origin, target=target)


def order(request: h11.Request, url: Url, rewriter: Rewriter | None) -> Order:
    """The request as it goes on, with secrets in place."""
    upgrade = _wants_websocket(request.headers)
    headers = [pair for pair in _carried(request.headers) if pair[0] != b"host"]
    if rewriter is not None:
        target, headers = rewriter.head(url.target.encode("latin-1"), headers)
        url = replace(url, target=target.decode("latin-1"))
    return Order(url, bytes(request.method), headers, upgrade)


class Answers:
    """What an answer looks like inside: without secrets if any may be in it."""

    def __init__(self, masks: Masks | None) -> None:
        self._masks = masks
        self._inflate: zlib._Decompress | None = None

    def interim(self, event: h11.InformationalResponse) -> h11.InformationalResponse:
        """A head that another one follows."""
        more = _UPGRADE if event.status_code == 101 else []
        headers = [*self._clean(_carried(event.headers)), *more]
        return h11.InformationalResponse(status_code=event.status_code, headers=headers, reason=b"")

    def head(self, event: h11.Response, *, bodiless: bool) -> h11.Response:
        """The head of the answer. Raises Refused when its body could not be looked through."""
        headers = self._clean(_carried(event.headers))
        coding = b",".join(value for name, value in headers if name == b"content-encoding").strip().lower()
        if self._masks is not None and not bodiless and coding not in (b"", b"identity"):
            if coding not in (b"gzip", b"x-gzip", b"deflate"):
                raise Refused(502, "The host's answer has a content coding that was not asked for.")
            self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            headers = [pair for pair in headers if pair[0] not in (b"content-encoding", b"content-length", b"etag")]
        reason = event.reason if self._masks is None else self._masks.masked(bytes(event.reason))
        return h11.Response(status_code=event.status_code, headers=headers, reason=reason)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The body's bytes, decoded when they have to be, in pieces of bounded size. Raises UpstreamGone."""
        if self._inflate is None:
            yield data
            return
        while data:
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error:
                raise UpstreamGone from None
            data = self._inflate.unconsumed_tail
            yield piece

    def trailers(self, event: h11.EndOfMessage) -> h11.EndOfMessage:
        """What follows the body."""
        return h11.EndOfMessage(headers=self._clean(_carried(event.headers)))

    def _clean(self, headers: Headers) -> Headers:
        masks = self._masks
        return headers if masks is None else [(masks.masked(name), masks.masked(value)) for name, value in headers]


def _carried(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    pairs = [(bytes(name), bytes(value)) for name, value in headers]
    named = {word.strip().lower() for name, value in pairs if name == b"connection" for word in value.split(b",")}
    dropped = _PER_HOP | (named - _FRAMING - {b"host"})
    if any(name == b"transfer-encoding" for name, _ in pairs):
        # Two lengths in one message are how one request is hidden in another.
        dropped |= {b"content-length"}
    return [(name, value) for name, value in pairs if name not in dropped]


def _wants_websocket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"upgrade" and value.strip().lower() == b"websocket" for name, value in headers)
