"""Connections to hosts on behalf of one client; the last one is kept while it can serve again."""

import h11

from chalicelib.outbound.url import Url
from chalicelib.sandbox.box.egress.channel import READ, Channel, wait
from chalicelib.sandbox.box.egress.gate import Gate
from chalicelib.sandbox.box.egress.peer import Peer


class Upstreams:
    """Opens what requests need."""

    def __init__(self, gate: Gate, first: Channel | None = None) -> None:
        """``first`` is a connection without TLS that was opened for the first request already."""
        self._gate = gate
        self._first = first
        self._kept: Peer | None = None
        self._origin: tuple[str, str, int] | None = None

    def open(self, url: Url, *, fresh: bool = False) -> tuple[Peer, bool]:
        """A connection to the URL's host, and whether it has served before. Raises Refused, Halted."""
        kept, self._kept = self._kept, None
        if kept is not None:
            if not fresh and url.origin == self._origin and self._quiet(kept):
                kept.http.start_next_cycle()
                self._kept = kept
                return kept, True
            kept.channel.close()
        channel, self._first = self._first or self._gate.reach(url), None
        if url.scheme == "https":
            channel = self._gate.secure(channel, url)
        self._kept, self._origin = Peer(channel, h11.CLIENT), url.origin
        return self._kept, False

    def close(self) -> None:
        """Close what is open."""
        if self._first is not None:
            self._first.close()
        if self._kept is not None:
            self._kept.channel.close()
        self._first = self._kept = None

    def _quiet(self, peer: Peer) -> bool:
        """Whether it may be used again: the last exchange is over, and the host has not hung up since."""
        return peer.reusable and not peer.channel.ended and not wait(self._gate.halt, {peer.channel: READ}, 0)
