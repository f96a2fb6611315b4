"""Every step of a redirect is judged like the first one."""

import socket

import pytest

from chalicelib.outbound.errors import AddressRefused, TooManyRedirects, UrlRefused
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.url import Url
from tests.functional.outbound.calls import LOCAL, Names, call
from tests.functional.outbound.web import Seen, answer, fixed, routes, serving

SECRETS = {"Authorization": "Bearer s", "Cookie": "c=s", "X-Api-Key": "s", "Accept": "text/plain"}


def _to(location: str, status: str = "302 Found") -> bytes:
    return answer(b"moved", status, Location=location)


@pytest.mark.parametrize(
    "location",
    ["/end", "end", "?x=1", "//127.0.0.1:{port}/end", "http://127.0.0.1:{port}/end#f", "HTTP://127.1:{port}/end"],
)
def test_redirects_are_followed_however_they_are_written(location: str) -> None:
    def handler(connection: socket.socket, seen: Seen) -> None:
        connection.sendall(_to(location.format(port=web.port)) if seen.target == "/start" else answer(b"end"))

    with serving(handler) as web:
        got = call(Outbound(LOCAL), web.url("/start"))
    assert (got.status, got.body) == (200, b"end")
    assert got.url in (web.url("/end"), web.url("/start?x=1"))


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.2:{port}/", AddressRefused),
        ("http://[::1]:{port}/", AddressRefused),
        ("//0x7f.2:{port}/", AddressRefused),
        ("http://169.254.169.254/latest/meta-data/", AddressRefused),
        ("http://inner.test:{port}/", AddressRefused),
        ("http://user:pass@127.0.0.1:{port}/", UrlRefused),
        ("file:///etc/passwd", UrlRefused),
        ("gopher://127.0.0.1/", UrlRefused),
        ("\\\\127.0.0.1\\x", UrlRefused),
        ("/a b", UrlRefused),
        ("http://[::1", UrlRefused),
    ],
)
def test_a_redirect_cannot_lead_where_a_call_may_not_go(location: str, error: type[Exception]) -> None:
    names = Names(inner_test=[["127.0.0.9"]])
    with (
        serving(fixed(answer(b"secret")), host="127.0.0.2") as inner,
        serving(fixed(_to(location.format(port=inner.port)))) as web,
        pytest.raises(error),
    ):
        call(Outbound(LOCAL, lookup=names), web.url())
    assert inner.connections == 0


def test_a_name_is_judged_anew_at_every_step() -> None:
    names = Names(turn_test=[["127.0.0.1"], ["127.0.0.2"]])
    with serving(fixed(_to("/again"))) as web, pytest.raises(AddressRefused):
        call(Outbound(LOCAL, lookup=names), web.url(host="turn.test"))
    assert len(web.requests) == 1


def test_the_callers_check_sees_every_step_before_it_is_taken() -> None:
    hosts: list[str] = []

    def check(url: Url) -> None:
        hosts.append(url.host)
        if url.host == "b.test":
            raise UrlRefused("not there")

    names = Names(a_test=[["127.0.0.1"]], b_test=[["127.0.0.1"]])
    with (
        serving(lambda connection, _: connection.sendall(_to(f"http://b.test:{web.port}/"))) as web,
        pytest.raises(UrlRefused, match="not there"),
    ):
        call(Outbound(LOCAL, lookup=names), web.url(host="a.test"), check=check)
    assert hosts == ["a.test", "b.test"]
    assert len(web.requests) == 1


def test_credentials_stay_with_the_origin_they_were_meant_for() -> None:
    with serving(fixed(answer(b"end"))) as other:
        table = {"/away": _to(other.url("/x"), "307 Temporary Redirect"), "/same": _to("/away")}
        with serving(routes(table)) as web:
            got = call(Outbound(LOCAL), web.url("/same"), headers=SECRETS)
    assert got.body == b"end"
    assert [seen.headers.get("authorization") for seen in web.requests] == ["Bearer s", "Bearer s"]
    (away,) = other.requests
    assert away.headers["accept"] == "text/plain"
    assert not {"authorization", "cookie", "x-api-key"} & away.headers.keys()


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        ("301 Moved", "POST", "GET", b""),
        ("302 Found", "POST", "GET", b""),
        ("303 See Other", "PUT", "GET", b""),
        ("303 See Other", "HEAD", "HEAD", b""),
        ("302 Found", "PUT", "PUT", b"data"),
        ("307 Temporary", "POST", "POST", b"data"),
        ("308 Permanent", "POST", "POST", b"data"),
    ],
)
def test_the_method_after_a_redirect(status: str, method: str, then: str, body: bytes) -> None:
    sent = None if method == "HEAD" else b"data"
    with serving(routes({"/": _to("/end", status), "/end": answer(b"")})) as web:
        call(Outbound(LOCAL), web.url(), method, body=sent, headers={"content-type": "text/plain"} if sent else {})
    first, second = web.requests
    assert (first.method, second.method, second.body) == (method, then, body)
    assert ("content-type" in second.headers) == bool(body)


def test_circles_end() -> None:
    with serving(fixed(_to("/"))) as web, pytest.raises(TooManyRedirects, match="more than 3 times"):
        call(Outbound(LOCAL), web.url(), follow=3)
    assert len(web.requests) == 4


def test_without_following_the_redirect_is_the_answer() -> None:
    with serving(fixed(_to("http://127.0.0.2/"))) as web:
        got = call(Outbound(LOCAL), web.url(), follow=0)
    assert (got.status, got.headers["location"], got.body) == (302, "http://127.0.0.2/", b"moved")


def test_a_redirect_without_location_is_an_answer() -> None:
    with serving(fixed(answer(b"choose", "302 Found"))) as web:
        assert call(Outbound(LOCAL), web.url()).body == b"choose"
