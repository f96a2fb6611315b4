"""Calls that are allowed: what goes onto the wire and what comes back."""

import gzip
import socket
import threading
import zlib

import pytest

from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import AnswerUnreadable, OutboundUnreachable, RequestRefused, UrlRefused
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.wire import Patience
from tests.functional.outbound.calls import LOCAL, Names, call
from tests.functional.outbound.web import Seen, answer, fixed, serving


def _echo(connection: socket.socket, seen: Seen) -> None:
    connection.sendall(answer(seen.body, "201 Created", X_Method=seen.method, Content_Type="text/plain"))


def test_a_call_carries_method_headers_and_body_and_brings_the_answer() -> None:
    with serving(_echo) as web:
        got = call(
            Outbound(LOCAL),
            web.url("/a b".replace(" ", "%20") + "?q=ü#f"),
            "post",
            headers={"X-Key": "v"},
            body=b"hello",
        )
    assert (got.status, got.body, got.truncated) == (201, b"hello", False)
    assert got.headers["x-method"] == "POST"
    assert got.url == web.url("/a%20b?q=%C3%BC")
    (seen,) = web.requests
    assert seen.target == "/a%20b?q=%C3%BC"
    assert seen.headers == {
        "host": f"127.0.0.1:{web.port}",
        "connection": "close",
        "accept-encoding": "gzip, deflate",
        "content-length": "5",
        "x-key": "v",
    }


def test_the_framing_of_a_request_is_not_the_callers_to_choose() -> None:
    headers = {"Host": "evil.test", "Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "upgrade"}
    with serving(_echo) as web:
        got = call(Outbound(LOCAL), web.url(), "POST", headers=headers, body=b"four")
    assert got.body == b"four"
    assert web.requests[0].headers["host"] == f"127.0.0.1:{web.port}"
    assert "transfer-encoding" not in web.requests[0].headers


@pytest.mark.parametrize("headers", [{"x": "a\r\nInjected: 1"}, {"x\r\ny": "a"}, {"x": "a\0"}, {"x": "→"}, {"": "a"}])
def test_headers_cannot_smuggle_others(headers: dict[str, str]) -> None:
    with serving(_echo) as web, pytest.raises(RequestRefused):
        call(Outbound(LOCAL), web.url(), headers=headers)
    assert web.requests == []


def test_the_method_cannot_smuggle_a_request() -> None:
    with serving(_echo) as web, pytest.raises(RequestRefused):
        call(Outbound(LOCAL), web.url(), "GET / HTTP/1.1\r\nX: y\r\n\r\nGET")
    assert web.requests == []


@pytest.mark.parametrize(
    "entry", ["127.0.0.1", "127.0.0.0/8", "inner.test", "INNER.test.", "::ffff:127.0.0.1", "0x7f.1"]
)
def test_the_operator_opens_hosts_addresses_and_networks(entry: str) -> None:
    with serving(fixed(answer(b"in"))) as web:
        got = call(Outbound((entry,), lookup=Names(inner_test=[["127.0.0.1"]])), web.url(host="Inner.TEST."))
    assert got.body == b"in"
    assert web.requests[0].headers["host"] == f"inner.test:{web.port}"


@pytest.mark.parametrize("entry", ["127.0.0.1/99", "1.2.3.4.5", "::g", "10.0.0/x"])
def test_an_entry_that_means_nothing_is_refused_at_once(entry: str) -> None:
    with pytest.raises(ValueError, match="not a host"):
        Outbound((entry,))


def test_ipv6_is_called_and_named_in_brackets() -> None:
    with serving(fixed(answer(b"six")), host="::1") as web:
        got = call(Outbound(("::1",)), web.url(host="[0:0::1]"))
    assert got.body == b"six"
    assert web.requests[0].headers["host"] == f"[::1]:{web.port}"


def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_judged() -> None:
    names = Names(rebind_test=[["127.0.0.2"], ["127.0.0.1"]])
    with serving(fixed(answer(b"judged")), host="127.0.0.2") as web:
        got = call(Outbound(("127.0.0.2",), lookup=names), web.url(host="rebind.test"))
    assert got.body == b"judged"
    assert names.asked == ["rebind.test"]


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    names = Names(two_test=[["127.0.0.3", "127.0.0.1"]])
    with serving(fixed(answer(b"second"))) as web:
        got = call(Outbound(("127.0.0.0/8",), lookup=names), web.url(host="two.test"))
    assert got.body == b"second"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(fixed(answer(b"proxy"))) as proxy, serving(fixed(answer(b"direct"))) as web:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        got = call(Outbound(LOCAL), web.url())
    assert got.body == b"direct"
    assert proxy.connections == 0


def test_unknown_names_and_closed_ports_are_unreachable() -> None:
    with serving(fixed(b"")) as web:
        closed = web.url()
    with pytest.raises(OutboundUnreachable, match="does not accept connections"):
        call(Outbound(LOCAL), closed)
    with pytest.raises(OutboundUnreachable, match=r"nowhere\.test is not known"):
        call(Outbound(lookup=Names()), "http://nowhere.test/")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
        answer(b"not gzip", Content_Encoding="gzip"),
        answer(b"x", Content_Encoding="br"),
    ],
)
def test_what_is_not_a_whole_answer_is_said_to_be_unreadable(data: bytes) -> None:
    with serving(fixed(data)) as web, pytest.raises(AnswerUnreadable):
        call(Outbound(LOCAL), web.url())


def test_chunks_interim_answers_and_repeated_headers_are_understood() -> None:
    head = (
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nVary: a\r\nvary: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with serving(fixed(head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")) as web:
        got = call(Outbound(LOCAL), web.url())
    assert (got.body, got.headers["vary"]) == (b"abcde", "a, b")


def test_an_answer_without_length_ends_with_the_connection() -> None:
    with serving(fixed(b"HTTP/1.0 200 OK\r\n\r\nold")) as web:
        assert call(Outbound(LOCAL), web.url()).body == b"old"


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("deflate", _raw_deflate)],
)
def test_compressed_bodies_are_decoded_and_bounded_by_what_they_expand_to(coding: str, pack: object) -> None:
    plain = b"0123456789" * 10_000
    assert callable(pack)
    with serving(fixed(answer(pack(plain), Content_Encoding=coding))) as web:
        whole = call(Outbound(LOCAL), web.url(), max_bytes=len(plain))
        part = call(Outbound(LOCAL), web.url(), max_bytes=len(plain) - 1)
    assert (whole.body, whole.truncated) == (plain, False)
    assert (part.body, part.truncated) == (plain[:-1], True)


def test_a_bomb_is_cut_without_unpacking_it() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 1)
    with serving(fixed(answer(bomb, Content_Encoding="gzip"))) as web:
        got = call(Outbound(LOCAL), web.url(), max_bytes=1000)
    assert (len(got.body), got.truncated) == (1000, True)


def test_an_endless_body_is_cut() -> None:
    def endless(connection: socket.socket, _: Seen) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 10_000)

    with serving(endless) as web:
        got = call(Outbound(LOCAL), web.url(), max_bytes=123_456)
    assert (len(got.body), got.truncated) == (123_456, True)


def test_an_endless_body_that_unpacks_to_nothing_is_cut() -> None:
    packer = zlib.compressobj(wbits=31)
    start, empty = packer.compress(b"x") + packer.flush(zlib.Z_FULL_FLUSH), b"\x00\x00\x00\xff\xff" * 2000

    def endless(connection: socket.socket, _: Seen) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + start)
        while True:
            connection.sendall(empty)

    with serving(endless) as web:
        got = call(Outbound(LOCAL), web.url(), max_bytes=1000)
    assert (got.body, got.truncated) == (b"x", True)


def test_head_has_no_body() -> None:
    with serving(fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as web:
        assert call(Outbound(LOCAL), web.url(), "HEAD").body == b""


@pytest.mark.parametrize("allow", [("open.test",), LOCAL])
def test_what_is_confidential_goes_in_the_clear_to_hosts_alone_that_the_operator_opened(allow: tuple[str, ...]) -> None:
    names = Names(open_test=[["127.0.0.1"]], public_test=[["93.184.216.34"]])
    outbound = Outbound(allow, lookup=names)
    with serving(fixed(answer(b"hi"))) as web:
        assert call(outbound, web.url(host="open.test"), confidential=True).body == b"hi"
    with pytest.raises(UrlRefused, match="https"):
        call(outbound, "http://public.test/", confidential=True)
    patience = Patience(5, threading.Event())
    for url in ("https://public.test/", "http://open.test/"):
        outbound.demand_confidential(urls.parse(url), patience)
    with pytest.raises(UrlRefused):
        outbound.demand_confidential(urls.parse("http://public.test/"), patience)


def test_a_public_host_can_be_opened_by_name() -> None:
    outbound = Outbound(("public.test",), lookup=Names(public_test=[["93.184.216.34"]]))
    outbound.demand_confidential(urls.parse("http://public.test/"), Patience(5, threading.Event()))
