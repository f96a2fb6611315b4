import pytest

from chalicelib.sandbox.box.egress.errors import Refused
from chalicelib.sandbox.box.egress.rules import Rules, connect_target, request_target, same_host
from chalicelib.sandbox.hosts.base import Internet, Network


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("A.Test.:443", "a.test", 443),
        ("[::1]:80", "::1", 80),
        ("0x7f.1:22", "127.0.0.1", 22),
        ("%ef%bd%82.test:1", "b.test", 1),
    ],
)
def test_where_a_connect_leads(text: str, host: str, port: int) -> None:
    url = connect_target(text)
    assert (url.host, url.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    ["a.test", "a.test:", ":443", "a.test:443/x", "a.test:x", "a@b.test:443", "a.test:0", "a.test:70000", "", "*:1"],
)
def test_what_is_no_place_to_connect_to(text: str) -> None:
    with pytest.raises(Refused) as caught:
        connect_target(text)
    assert caught.value.answer_status == 400


def test_only_plain_urls_are_requested() -> None:
    assert request_target("HTTP://A.test:8080/x?y").authority == "a.test:8080"
    for text in ("https://a.test/", "/x", "*", "ftp://a.test/", "http:/a.test"):
        with pytest.raises(Refused):
            request_target(text)


@pytest.mark.parametrize(
    ("authority", "same"),
    [
        ("A.TEST", True),
        ("a.test:9", True),
        ("b.test", False),
        ("a.test/x@b", True),
        ("", False),
        ("a.test@b.test", False),
    ],
)
def test_the_host_header(authority: str, same: bool) -> None:
    assert same_host(authority, connect_target("a.test:443")) is same


@pytest.mark.parametrize(
    ("internet", "host", "permitted"),
    [("none", "a.test", False), ("limited", "a.test", True), ("limited", "b.test", False), ("all", "b.test", True)],
)
def test_who_is_permitted(internet: Internet, host: str, permitted: bool) -> None:
    assert Rules(Network(internet, ("a.test",))).permits(host) is permitted


@pytest.mark.parametrize("internet", ["limited", "all"])
def test_what_is_denied_is_closed_whatever_is_open(internet: Internet) -> None:
    rules = Rules(Network(internet, ("*.b.test", "a.test", "127.0.0.1"), denied=("a.test", "*.c.b.test", "127.0.0.1")))
    for host, permitted in (
        ("a.test", False),
        ("b.b.test", True),
        ("c.b.test", True),
        ("x.c.b.test", False),
        ("y.x.c.b.test", False),
        ("127.0.0.1", False),
    ):
        assert rules.permits(host) is permitted
    with pytest.raises(Refused) as caught:
        rules.admit(connect_target("A.test.:443"))
    assert caught.value.answer_status == 403
