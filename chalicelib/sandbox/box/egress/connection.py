"""One connection from inside the box, from its first byte to its last."""

import socket
from dataclasses import replace

import h11

from chalicelib.outbound.url import Url
from chalicelib.sandbox.box.egress.channel import Channel, drain, part
from chalicelib.sandbox.box.egress.errors import EgressError, HelloRefused, Refused
from chalicelib.sandbox.box.egress.exchange import serve
from chalicelib.sandbox.box.egress.gate import Gate
from chalicelib.sandbox.box.egress.peer import Peer, answer, next_request
from chalicelib.sandbox.box.egress.relay import IDLE_SECONDS, relay
from chalicelib.sandbox.box.egress.rules import connect_target
from chalicelib.sandbox.box.egress.sniff import opening
from chalicelib.sandbox.box.egress.tls import Authority, accept_tls
from chalicelib.sandbox.box.egress.upstreams import Upstreams

_FIRST_SECONDS = 30.0
_NEXT_SECONDS = 120.0
_SEND_SECONDS = 10.0
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
# A fatal TLS alert: unrecognized_name.
_ALERT = bytes((21, 3, 3, 0, 2, 2, 112))


def handle(gate: Gate, connection: socket.socket) -> None:
    """Serve it until it ends. Takes the socket over; raises nothing that the inside or a host could cause."""
    channel = Channel(connection)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _serve_all(gate, channel, None, None)
    except (EgressError, OSError, h11.ProtocolError):
        gate.ledger.note("broken")
    finally:
        channel.close()


def _serve_all(gate: Gate, channel: Channel, origin: Url | None, first: Channel | None) -> None:
    """Requests one after another; in a tunnel all of them go to ``origin``."""
    client, upstreams = Peer(channel, h11.SERVER), Upstreams(gate, first)
    seconds = _FIRST_SECONDS
    try:
        while (request := next_request(client, gate.halt, seconds)) is not None:
            if request.method == b"CONNECT" and origin is None:
                _connect(gate, client, request)
                return
            if not serve(gate, client, request, origin, upstreams):
                break
            client.http.start_next_cycle()
            seconds = _NEXT_SECONDS
    except Refused as refused:
        answer(client, refused)
    finally:
        upstreams.close()
    part(gate.halt, channel)


def _connect(gate: Gate, client: Peer, request: h11.Request) -> None:
    url = connect_target(request.target.decode("latin-1"))
    gate.admit(url)
    if not isinstance(client.next(), h11.EndOfMessage) or client.leftover:
        raise Refused(400, "Nothing may follow a CONNECT before it is answered.")
    upstream = gate.reach(url)
    try:
        client.channel.queue(_ESTABLISHED)
        if drain(gate.halt, client.channel, _SEND_SECONDS):
            _tunnel(gate, client.channel, upstream, url)
    finally:
        upstream.close()


def _tunnel(gate: Gate, client: Channel, upstream: Channel, url: Url) -> None:
    try:
        begun = opening(client, upstream, gate.halt, IDLE_SECONDS)
        if begun.hello is not None:
            gate.greet(begun.hello, url)
    except HelloRefused:
        client.queue(_ALERT)
        part(gate.halt, client)
        return
    if begun.kind == "http":
        _serve_all(gate, client, replace(url, scheme="http"), upstream)
    elif begun.hello is not None and gate.authority is not None and gate.injector.rewriter(url.host) is not None:
        _terminate(gate, gate.authority, client, upstream, url)
    else:
        relay(client, upstream, gate.halt)


def _terminate(gate: Gate, authority: Authority, client: Channel, upstream: Channel, url: Url) -> None:
    """Speak TLS with both sides and HTTP in between, where secrets can be put in."""
    secured = accept_tls(client, authority.context(url.host), gate.halt)
    try:
        _serve_all(gate, secured, url, upstream)
    finally:
        secured.close()
