"""One request of the inside and the host's answer, carried with bounded memory in both directions at once."""

import time

import h11

from chalicelib.outbound.url import Url
from chalicelib.sandbox.box.egress.channel import LEFT, READ, drain, wait
from chalicelib.sandbox.box.egress.errors import ClientGone, Refused, Stalled, UpstreamGone
from chalicelib.sandbox.box.egress.gate import Gate
from chalicelib.sandbox.box.egress.inject import MOST_BODY
from chalicelib.sandbox.box.egress.messages import Answers, Order, destination, order
from chalicelib.sandbox.box.egress.peer import Peer
from chalicelib.sandbox.box.egress.relay import IDLE_SECONDS, Filter, Unchanged, relay
from chalicelib.sandbox.box.egress.scrub import Scrubber
from chalicelib.sandbox.box.egress.upstreams import Upstreams

_HOLD_SECONDS = 0.25


class Exchange:
    """Carries one request. Errors of the host become Refused while no answer has begun."""

    def __init__(self, gate: Gate, client: Peer, upstreams: Upstreams) -> None:
        self._gate, self._client, self._upstreams = gate, client, upstreams
        self._sent = self._answered = self._begun = self._deaf = False
        self._answers = Answers(None)
        self._scrub: Filter = Unchanged()

    def run(self, request: h11.Request, origin: Url | None) -> bool:
        """Carry it; whether another request may follow. Raises EgressError, OSError."""
        url = destination(request, origin)
        self._gate.admit(url)
        rewriter = self._gate.injector.rewriter(url.host)
        if rewriter is not None:
            masks = self._gate.injector.masks
            self._answers, self._scrub = Answers(masks), Scrubber(masks)
        wanted = order(request, url, rewriter)
        body = b""
        if rewriter is not None and rewriter.takes_bodies and not wanted.bodiless and wanted.fits:
            body = self._collected()
            if self._sent:
                wanted, body = wanted.with_body(rewriter, body)
        self._carry(wanted, body)
        return self._sent and not self._deaf and self._client.reusable

    def _carry(self, wanted: Order, body: bytes) -> None:
        self._upstream, used = self._upstreams.open(wanted.url, fresh=not wanted.repeatable)
        try:
            self._attempt(wanted, body)
        except UpstreamGone:
            # The host may hang up on a kept connection just when it is used again; that says nothing of this request.
            if not used or self._begun:
                raise
            self._deaf = False
            self._upstream, _ = self._upstreams.open(wanted.url, fresh=True)
            self._attempt(wanted, body)

    def _attempt(self, wanted: Order, body: bytes) -> None:
        self._head = wanted.method == b"HEAD"
        try:
            self._upstream.send(wanted.head())
            if body:
                self._upstream.send(h11.Data(data=body))
            if self._sent:
                self._upstream.send(h11.EndOfMessage())
        except h11.LocalProtocolError:
            raise Refused(400, "The request cannot be passed on.") from None
        self._pump()

    def _pump(self) -> None:
        until = time.monotonic() + IDLE_SECONDS
        while not (self._answered and self._client.channel.drained):
            if sum((self._upward(), self._downward(), self._flushed(), self._client.channel.flush())):
                until = time.monotonic() + IDLE_SECONDS
            else:
                self._wait(until)

    def _wait(self, until: float) -> None:
        client, upstream = self._client.channel, self._upstream.channel
        left = until - time.monotonic()
        if left <= 0:
            raise Stalled
        wanted = {
            client: client.interest(reading=not self._sent and not upstream.full) | (LEFT if self._sent else 0),
            upstream: upstream.interest(reading=not self._answered and not client.full),
        }
        ready = wait(self._gate.halt, wanted, min(left, _HOLD_SECONDS) if self._scrub.holding else left)
        if self._sent and ready.get(client, 0) & LEFT and not ready[client] & READ:
            raise ClientGone
        if not ready and (held := self._scrub.pause()):
            self._client.send(h11.Data(data=held))

    def _upward(self) -> bool:
        """The request's body."""
        moved = False
        while not self._sent and not self._upstream.channel.full:
            event = self._client_event()
            if event is None:
                break
            moved, self._sent = True, isinstance(event, h11.EndOfMessage)
            if not self._deaf:
                self._upstream.send(event)
        return moved

    def _client_event(self) -> h11.Data | h11.EndOfMessage | None:
        try:
            event = self._client.next()
        except (h11.RemoteProtocolError, OSError):
            raise ClientGone from None
        if event is None or isinstance(event, h11.Data | h11.EndOfMessage):
            return event
        raise ClientGone

    def _flushed(self) -> bool:
        try:
            return self._upstream.channel.flush()
        except OSError:
            # A host that wants no more of the body may have answered already.
            self._deaf = True
            self._upstream.channel.discard()
            return True

    def _downward(self) -> bool:
        """The answer."""
        moved = False
        while not self._answered and not self._client.channel.full:
            try:
                event = self._upstream.next()
            except (h11.RemoteProtocolError, OSError):
                raise UpstreamGone from None
            if event is None:
                break
            moved = True
            self._answer(event)
        return moved

    def _answer(self, event: h11.Event) -> None:
        if isinstance(event, h11.InformationalResponse):
            self._interim(event)
        elif isinstance(event, h11.Response):
            bodiless = self._head or event.status_code in (204, 304)
            self._begun = True
            self._client.send(self._answers.head(event, bodiless=bodiless))
        elif isinstance(event, h11.Data):
            self._data(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self._send_data(self._scrub.end())
            self._client.send(self._answers.trailers(event))
            self._answered = True
        else:
            raise UpstreamGone

    def _interim(self, event: h11.InformationalResponse) -> None:
        if event.status_code == 101:
            self._switch(event)
        elif self._client.http.their_http_version == b"1.1":
            self._client.send(self._answers.interim(event))

    def _data(self, data: bytes) -> None:
        for piece in self._answers.pieces(data):
            self._send_data(self._scrub.feed(piece))
            # A few bytes can decode to a great many: what came out goes on before more is decoded.
            if self._client.channel.full and not drain(self._gate.halt, self._client.channel, IDLE_SECONDS):
                raise Stalled

    def _send_data(self, data: bytes) -> None:
        if data:
            self._client.send(h11.Data(data=data))

    def _switch(self, event: h11.InformationalResponse) -> None:
        """From here on it is no HTTP any more."""
        self._begun = self._answered = self._deaf = True
        try:
            self._client.send(self._answers.interim(event))
        except h11.LocalProtocolError:
            raise UpstreamGone from None
        self._client.channel.queue(self._scrub.feed(self._upstream.leftover))
        self._upstream.channel.queue(self._client.leftover)
        relay(self._client.channel, self._upstream.channel, self._gate.halt, answers=self._scrub)

    def _collected(self) -> bytes:
        """The request's body, whole unless it is too large; then its beginning."""
        if self._client.http.they_are_waiting_for_100_continue:
            self._client.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        body, until = bytearray(), time.monotonic() + IDLE_SECONDS
        while len(body) <= MOST_BODY and not self._sent:
            event = self._client_event()
            if isinstance(event, h11.Data):
                body += event.data
            elif event is not None:
                self._sent = True
            elif not self._client.channel.flush():
                channel = self._client.channel
                if not wait(self._gate.halt, {channel: channel.interest(reading=True)}, until - time.monotonic()):
                    raise Stalled
        return bytes(body)


def serve(gate: Gate, client: Peer, request: h11.Request, origin: Url | None, upstreams: Upstreams) -> bool:
    """As ``Exchange.run``, with what the host did wrong told as Refused while the answer has not begun."""
    exchange = Exchange(gate, client, upstreams)
    try:
        return exchange.run(request, origin)
    except UpstreamGone:
        raise Refused(502, "The host ended the connection without a whole answer.") from None
    except Stalled:
        raise Refused(504, "Nothing came from the host in time.") from None
