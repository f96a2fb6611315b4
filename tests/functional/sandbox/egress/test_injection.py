"""Secrets: present at the host they are for, absent from all that the inside can see, absent everywhere else."""

import base64
import gzip
import html
import json
import re
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from chalicelib.sandbox.box.egress.spellings import spellings
from chalicelib.sandbox.hosts.base import Injection, Network
from tests.functional.outbound.web import Seen, Web, answer, fixed, serving
from tests.functional.sandbox.egress.boxes import CANARY, PLACEHOLDER, Answer, Box, box, injection, read, request

Tls = tuple[ssl.SSLContext, ssl.SSLContext]
HERE = {"good_test": "127.0.0.1", "other_test": "127.0.0.1"}
GOOD = Network("all", (), (injection("good.test"),))
# As a server reads it that takes the bytes of a header for Latin-1.
ON_THE_WIRE = CANARY.encode().decode("latin-1")


def echo(connection: socket.socket, seen: Seen) -> None:
    """Tells the client all it sent, in a header and in the body."""
    told = {"target": seen.target, "headers": seen.headers, "body": seen.body.decode()}
    head = seen.headers.get("authorization", "-").encode("latin-1")
    body = json.dumps(told).encode() + b"\n" + head
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nX-Echo: " + head + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


def ask(inside: Box, web: Web, *lines: str, target: str = "/", body: bytes = b"", method: str = "GET") -> Answer:
    """A request over TLS to good.test, which the proxy opens."""
    tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
    tunnel.sendall(request(target, f"Host: good.test:{web.port}", *lines, body=body, method=method))
    return read(tunnel, method)


def is_clean(told: Answer) -> bool:
    return not any(one in told.raw for one in spellings(CANARY))


def test_the_value_reaches_the_host_and_never_comes_back(good: Tls) -> None:
    own, trust = good
    basic = base64.b64encode(f"user:{PLACEHOLDER}".encode()).decode()
    with serving(echo, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        told = [
            ask(inside, web, f"Authorization: Bearer {PLACEHOLDER}", target=f"/a?k={PLACEHOLDER}&x={PLACEHOLDER}y"),
            ask(inside, web, f"Authorization: Basic {basic}", f"X-Key: {PLACEHOLDER}"),
        ]
    first, second = web.requests
    assert first.headers["authorization"] == f"Bearer {ON_THE_WIRE}"
    assert first.target == f"/a?k={quote(CANARY, safe='')}&x={quote(CANARY, safe='')}y"
    assert base64.b64decode(second.headers["authorization"].partition(" ")[2]).decode() == f"user:{CANARY}"
    assert second.headers["x-key"] == ON_THE_WIRE
    for one in told:
        assert one.status == 200
        assert is_clean(one)
        assert b"****" in one.body
        assert "****" in one.headers["x-echo"]


def test_plain_http_and_http_in_a_tunnel_are_served_as_well() -> None:
    with serving(echo) as web, box(GOOD, **HERE) as inside:
        direct = inside.get(web.url("/", "good.test"), f"Authorization: Bearer {PLACEHOLDER}")
        tunnel, _ = inside.connect(f"good.test:{web.port}")
        tunnel.sendall(request("/", f"Host: good.test:{web.port}", f"Authorization: Bearer {PLACEHOLDER}"))
        tunnelled = read(tunnel)
    assert [seen.headers["authorization"] for seen in web.requests] == [f"Bearer {ON_THE_WIRE}"] * 2
    assert is_clean(direct)
    assert is_clean(tunnelled)


def test_another_host_gets_the_placeholder(certified: Callable[[str], Tls]) -> None:
    own, trust = certified("other.test")
    lines = (f"Authorization: Bearer {PLACEHOLDER}", f"X-Key: {PLACEHOLDER}")
    with serving(echo, tls=own) as web, serving(echo) as plain, box(GOOD, trust=trust, **HERE) as inside:
        tunnel = inside.tls(f"other.test:{web.port}", trust)
        tunnel.sendall(request(f"/?k={PLACEHOLDER}", f"Host: other.test:{web.port}", *lines))
        assert PLACEHOLDER.encode() in read(tunnel).body
        inside.get(plain.url(f"/?k={PLACEHOLDER}", "other.test"), *lines, "Host: good.test")
    for seen in web.requests + plain.requests:
        assert seen.headers["authorization"] == f"Bearer {PLACEHOLDER}"
        assert seen.target.endswith(PLACEHOLDER)


@pytest.mark.parametrize("named", ["other.test", "sub.good.test", "good.test.evil.test"])
def test_the_value_is_not_sent_under_another_hosts_name(good: Tls, named: str) -> None:
    own, trust = good
    with serving(echo, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        for lines, target in (((f"Host: {named}",), "/"), ((), f"https://{named}/")):
            tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
            lines = lines or (f"Host: good.test:{web.port}",)
            tunnel.sendall(request(target, *lines, f"Authorization: {PLACEHOLDER}"))
            assert read(tunnel).status == 403
        assert web.requests == []


def test_a_host_that_cannot_prove_its_name_gets_nothing(good: Tls, certified: Callable[[str], Tls]) -> None:
    own, trust = good
    impostor, _ = certified("other.test")
    cases = [(impostor, trust), (own, None)]
    for context, trusted in cases:
        with serving(echo, tls=context) as web, box(GOOD, trust=trusted, **HERE) as inside:
            told = ask(inside, web, f"Authorization: {PLACEHOLDER}")
            assert (told.status, told.body) == (502, b"The certificate of good.test is not trusted.\n")
            assert web.requests == []


def test_a_host_that_is_not_allowed_is_not_reached_for_its_injection() -> None:
    network = Network("limited", ("other.test",), (injection("good.test"),))
    with serving(echo) as web, box(network, **HERE) as inside:
        assert inside.connect(f"good.test:{web.port}")[1].status == 403
        assert inside.get(web.url("/", "good.test"), f"Authorization: {PLACEHOLDER}").status == 403
        assert web.connections == 0


def test_the_certificate_is_good_for_its_host_alone(good: Tls) -> None:
    own, trust = good
    with serving(echo, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
        assert tunnel.selected_alpn_protocol() is None
        assert tunnel.getpeercert()["subjectAltName"] == (("DNS", "good.test"),)  # type: ignore[index]
        with pytest.raises(ssl.SSLCertVerificationError):
            inside.tls(f"good.test:{web.port}", inside.trusting(), "wrong.test")
        with pytest.raises(ssl.SSLCertVerificationError):
            inside.tls(f"good.test:{web.port}", trust)
    with (
        box(GOOD, trust=trust, **HERE) as another,
        serving(echo, tls=own) as web,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        another.tls(f"good.test:{web.port}", inside.trusting())


@pytest.mark.parametrize(
    ("kind", "body", "sent"),
    [
        ("application/json", f'{{"k": "{PLACEHOLDER}"}}', f'{{"k": {json.dumps(CANARY)}}}'),
        ("application/x-www-form-urlencoded", f"k={PLACEHOLDER}&x=1", f"k={quote_plus(CANARY)}&x=1"),
        ("text/plain", f"{PLACEHOLDER} {PLACEHOLDER}", f"{CANARY} {CANARY}"),
        ("text/plain", "nothing", "nothing"),
    ],
)
def test_bodies(good: Tls, kind: str, body: str, sent: str) -> None:
    own, trust = good
    network = Network("all", (), (injection("good.test", places=("body",)),))
    with serving(echo, tls=own) as web, box(network, trust=trust, **HERE) as inside:
        lines = (f"Content-Type: {kind}", f"X-Key: {PLACEHOLDER}", "Expect: 100-continue")
        tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
        whole = request("/", f"Host: good.test:{web.port}", *lines, body=body.encode(), method="POST")
        head, _, rest = whole.partition(b"\r\n\r\n")
        tunnel.sendall(head + b"\r\n\r\n")
        assert tunnel.recv(100).startswith(b"HTTP/1.1 100")
        tunnel.sendall(rest)
        assert is_clean(read(tunnel))
    (seen,) = web.requests
    assert seen.body.decode() == sent
    assert seen.headers["content-length"] == str(len(sent.encode()))
    assert seen.headers["x-key"] == PLACEHOLDER


def test_a_body_in_chunks_is_changed_and_a_large_one_goes_as_it_is(good: Tls) -> None:
    own, trust = good
    network = Network("all", (), (injection("good.test", places=("body",)),))
    half = len(PLACEHOLDER) // 2
    with serving(echo, tls=own) as web, box(network, trust=trust, **HERE) as inside:
        tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
        head = request("/", f"Host: good.test:{web.port}", "Transfer-Encoding: chunked", method="POST")
        parts = [PLACEHOLDER[:half].encode(), PLACEHOLDER[half:].encode()]
        tunnel.sendall(head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n")
        read(tunnel)
        large = PLACEHOLDER.encode() + b"x" * 1_100_000
        ask(inside, web, body=large, method="POST")
    assert web.requests[0].body == CANARY.encode()
    assert web.requests[1].body == large


def test_bodies_are_left_alone_unless_named(good: Tls) -> None:
    own, trust = good
    with serving(echo, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        ask(inside, web, body=PLACEHOLDER.encode(), method="POST")
    assert web.requests[0].body == PLACEHOLDER.encode()


def test_a_header_of_its_own(good: Tls) -> None:
    own, trust = good
    fixed_header = Injection(("*.test",), "token " + CANARY, header="Authorization", path="/api/")
    with serving(echo, tls=own) as web, box(Network("all", (), (fixed_header,)), trust=trust, **HERE) as inside:
        assert is_clean(ask(inside, web, "Authorization: mine", target="/api/x"))
        for outside in ("/other", "/api/../other", "/api/%2e%2e/other", "/x/../api/x", "/api/..%2fother"):
            ask(inside, web, "Authorization: mine", target=outside)
    assert web.requests[0].headers["authorization"] == f"token {ON_THE_WIRE}"
    assert {seen.headers["authorization"] for seen in web.requests[1:]} == {"mine"}


def _spelled(form: str) -> bytes:
    plain = CANARY.encode()
    return {
        "plain": plain,
        "url": quote(CANARY, safe="").encode(),
        "path": quote(CANARY).encode(),
        "form": quote_plus(CANARY).encode(),
        "lower": re.sub("%..", lambda found: found[0].lower(), quote(CANARY, safe="")).encode(),
        "json": json.dumps(CANARY).encode(),
        "json-utf8": json.dumps(CANARY, ensure_ascii=False).encode(),
        "json-slash": json.dumps(CANARY).replace("/", "\\/").encode(),
        "json-html": json.dumps(CANARY).replace("&", "\\u0026").encode(),
        "html": html.escape(CANARY).encode(),
        "base64": base64.b64encode(plain),
        "base64-1": base64.b64encode(b"x" + plain + b"yz"),
        "base64-2": base64.urlsafe_b64encode(b"xy" + plain + b"z"),
    }[form]


FORMS = ["plain", "url", "path", "form", "lower", "json", "json-utf8", "json-slash", "json-html", "html"]
FORMS += ["base64", "base64-1", "base64-2"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", ["whole", "bytes", "chunks", "gzip", "deflate", "header"])
def test_every_spelling_is_covered_however_it_arrives(good: Tls, form: str, way: str) -> None:
    own, trust = good
    spelled = _spelled(form)
    text = b"<<" + spelled + b">>"

    def tell(connection: socket.socket, _: Seen) -> None:
        if way == "header":
            connection.sendall(
                b"HTTP/1.1 200 " + text + b"\r\nContent-Length: 0\r\nSet-Cookie: a=" + text + b"\r\n\r\n"
            )
        elif way == "gzip":
            connection.sendall(answer(gzip.compress(text), Content_Encoding="gzip"))
        elif way == "deflate":
            connection.sendall(answer(zlib.compress(text), Content_Encoding="deflate"))
        elif way == "chunks":
            parts = b"".join(b"1\r\n%c\r\n" % byte for byte in text)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")
        elif way == "bytes":
            connection.sendall(answer(text)[: -len(text)])
            for byte in text:
                connection.sendall(bytes((byte,)))
        else:
            connection.sendall(answer(text))

    with serving(tell, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        told = ask(inside, web)
    assert is_clean(told)
    assert b"****" in told.raw
    if way != "header":
        assert (told.body[:2], told.body[-2:], len(told.body)) == (b"<<", b">>", len(text))


def test_a_coding_that_cannot_be_looked_through_is_refused(good: Tls) -> None:
    own, trust = good
    with serving(fixed(answer(b"?", Content_Encoding="br")), tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        told = ask(inside, web, "Accept-Encoding: br")
    assert told.status == 502
    assert web.requests[0].headers["accept-encoding"] == "identity"


def test_an_answer_cannot_be_asked_for_in_pieces(good: Tls) -> None:
    own, trust = good
    with serving(echo, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        ask(inside, web, "Range: bytes=0-9", f"Authorization: {PLACEHOLDER}")
        ask(inside, web, "Range: bytes=0-9")
    assert ["range" in seen.headers for seen in web.requests] == [False, True]


def test_a_stream_is_not_held_up(good: Tls) -> None:
    """The end of each event is the beginning of a value; what follows comes only after the event was seen."""
    own, trust = good
    seen_one = threading.Event()

    def stream(connection: socket.socket, _: Seen) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"data: " + CANARY[:3].encode()
        )
        if seen_one.wait(5):
            connection.sendall(CANARY.encode()[3:] + b"\n\n" + b"data: 2\n\n")

    with serving(stream, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
        tunnel.sendall(request("/", f"Host: good.test:{web.port}"))
        data = b""
        while b"can" not in data.replace(b"\r\n", b""):
            data += tunnel.recv(65536)
        seen_one.set()
        while b"data: 2" not in data:
            data += tunnel.recv(65536)
    assert CANARY[3:].encode() not in data


def test_a_web_socket_is_scrubbed(good: Tls) -> None:
    own, trust = good

    def chat(connection: socket.socket, seen: Seen) -> None:
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        connection.recv(100)
        connection.sendall(b"\x81\x20" + seen.headers["authorization"].encode("latin-1") + b"\x81\x01!")

    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Extensions: permessage-deflate")
    with serving(chat, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        tunnel = inside.tls(f"good.test:{web.port}", inside.trusting())
        head = (f"Host: good.test:{web.port}", f"Authorization: {PLACEHOLDER}", *lines)
        tunnel.sendall(request("/", *head))
        assert read(tunnel).status == 101
        tunnel.sendall(b"go")
        data = b""
        while not data.endswith(b"!"):
            data += tunnel.recv(100)
    assert data == b"\x81\x20" + b"*" * len(CANARY.encode()) + b"\x81\x01!"
    assert "sec-websocket-extensions" not in web.requests[0].headers


def test_an_unrestricted_secret_goes_to_every_host_that_is_allowed(good: Tls) -> None:
    own, trust = good
    network = Network("limited", ("good.test",), (injection("*"),))
    with serving(echo, tls=own) as web, box(network, trust=trust, **HERE) as inside:
        assert is_clean(ask(inside, web, f"Authorization: {PLACEHOLDER}"))
        assert inside.connect(f"other.test:{web.port}")[1].status == 403
    assert web.requests[0].headers["authorization"] == ON_THE_WIRE


def test_a_value_no_header_can_hold_is_not_sent_in_part(good: Tls) -> None:
    own, trust = good
    network = Network("all", (), (injection("good.test", value="first\r\nX-Second: line"),))
    with serving(echo, tls=own) as web, box(network, trust=trust, **HERE) as inside:
        told = ask(inside, web, f"Authorization: {PLACEHOLDER}")
    assert (told.status, b"line" in told.raw, web.requests) == (400, False, [])


def test_nothing_that_is_shown_of_the_proxy_tells_the_value(good: Tls, caplog: pytest.LogCaptureFixture) -> None:
    own, trust = good
    with serving(echo, tls=own) as web, box(GOOD, trust=trust, **HERE) as inside:
        ask(inside, web, f"Authorization: {PLACEHOLDER}", target=f"/?k={PLACEHOLDER}")
        shown = repr(GOOD) + repr(inside.egress) + repr(vars(inside.egress)) + repr(inside.egress.decisions)
        bundle = inside.egress.ca_bundle() or b""
        inside.egress.close()
    assert not any(one.decode() in shown + caplog.text for one in spellings(CANARY))
    assert b"PRIVATE" not in bundle
