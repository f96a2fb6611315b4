"""Which hosts the inside reaches: the environment's rules first, the addresses after them."""

import pytest

from chalicelib.sandbox.hosts.base import Internet, Network
from tests.functional.outbound.calls import Names
from tests.functional.outbound.web import Web, answer, fixed, serving
from tests.functional.sandbox.egress.boxes import LOCAL, Answer, Box, box

HERE = {"a_test": "127.0.0.1", "x_a_test": "127.0.0.1", "x_y_a_test": "127.0.0.1", "b_test": "127.0.0.1"}


def limited(*hosts: str) -> Network:
    return Network("limited", hosts)


def both_ways(inside: Box, web: Web, host: str) -> set[int]:
    """The statuses for a request of plain HTTP and for a tunnel."""
    return {inside.get(web.url("/x?y=z", host)).status, inside.connect(f"{host}:{web.port}")[1].status}


@pytest.mark.parametrize(
    ("patterns", "host", "status"),
    [
        (["a.test"], "a.test", 200),
        (["a.test"], "A.Test.", 200),
        (["A.TEST."], "a.test", 200),
        (["a.test"], "%61.test", 200),
        (["a.test"], "%ef%bd%81.test", 200),
        (["a.test"], "x.a.test", 403),
        (["*.a.test"], "x.a.test", 200),
        (["*.a.test"], "x.y.a.test", 200),
        (["*.a.test"], "a.test", 403),
        (["*.a.test", "a.test"], "a.test", 200),
        (["a.test"], "b.test", 403),
        ([], "a.test", 403),
        (["test"], "a.test", 403),
        (["a.test"], "127.0.0.1", 403),
        (["a.test", "*.0.0.1"], "0x7f.1", 403),
        (["127.0.0.1"], "0x7f.1", 200),
    ],
)
def test_limited_rules(patterns: list[str], host: str, status: int) -> None:
    with serving(fixed(answer(b"x"))) as web, box(limited(*patterns), **HERE) as inside:
        assert both_ways(inside, web, host) == {status}
        assert (web.connections > 0) is (status == 200)


def test_a_refusal_names_the_host_and_the_reason_and_nothing_more() -> None:
    with serving(fixed(answer(b"x"))) as web, box(limited("a.test"), **HERE) as inside:
        told = [inside.get(web.url("/way?key=word", "b.test")), inside.connect(f"b.test:{web.port}")[1]]
        assert inside.egress.decisions == {"refused": 2}
        assert inside.names.asked == []
    for refusal in told:
        text = refusal.body.decode()
        assert refusal.status == 403
        assert text.startswith("b.test cannot be reached: the network rules of this environment do not allow it")
        assert "word" not in refusal.raw.decode()
        assert refusal.headers["content-type"] == "text/plain; charset=utf-8"
        assert refusal.headers["connection"] == "close"


@pytest.mark.parametrize("host", ["a.test", "127.0.0.1", "localhost", "8.8.8.8"])
def test_without_internet_nothing_is_reached(host: str) -> None:
    with serving(fixed(answer(b"x"))) as web, box(Network("none", ("a.test", "*")), **HERE) as inside:
        assert both_ways(inside, web, host) == {403}
        assert (web.connections, inside.names.asked) == (0, [])


@pytest.mark.parametrize("internet", ["limited", "all"])
def test_a_host_that_is_named_but_not_public_stays_out_of_reach(internet: Internet) -> None:
    hosts = ("a.test", "127.0.0.1", "localhost", "10.0.0.1")
    with (
        serving(fixed(answer(b"x"))) as web,
        box(Network(internet, hosts), (), a_test="127.0.0.1", localhost="127.0.0.1") as inside,
    ):
        assert {status for host in hosts for status in both_ways(inside, web, host)} == {403}
        assert web.connections == 0


def test_the_operator_opens_hosts_by_name_too() -> None:
    with serving(fixed(answer(b"x"))) as web, box(limited("a.test", "b.test"), ("a.test",), **HERE) as inside:
        assert both_ways(inside, web, "a.test") == {200}
        assert both_ways(inside, web, "b.test") == {403}


def test_what_the_operator_opens_is_still_bound_by_the_environment() -> None:
    with serving(fixed(answer(b"x"))) as web, box(limited("b.test"), ("a.test", *LOCAL), **HERE) as inside:
        assert both_ways(inside, web, "a.test") == {403}


def test_a_name_that_changes_its_address_is_judged_each_time() -> None:
    names = Names(moving_test=[["127.0.0.1"], ["127.0.0.2"], ["8.8.8.8", "127.0.0.3"], ["127.0.0.1"]])
    with serving(fixed(answer(b"x"))) as web, box(names=names) as inside:
        statuses = [inside.get(web.url("/", "moving.test")).status for _ in range(4)]
    assert statuses == [200, 403, 403, 200]
    assert web.connections == 2


def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A second answer of the name server is never asked for."""
    names = Names(rebinding_test=[["127.0.0.1"], ["169.254.169.254"]])
    with serving(fixed(answer(b"x"))) as web, box(names=names) as inside:
        assert inside.get(web.url("/", "rebinding.test")).status == 200
        assert names.asked == ["rebinding.test"]


def test_a_redirect_is_followed_by_the_client_and_judged_again() -> None:
    away = answer(b"", "302 Found", Location="http://169.254.169.254/latest/meta-data/")
    with serving(fixed(away)) as web, box(**HERE) as inside:
        told = inside.get(web.url("/", "a.test"))
        assert told.status == 302
        assert inside.get(told.headers["location"]).status == 403


@pytest.mark.parametrize("target", ["a.test:25", "a.test:0025"])
def test_mail_cannot_be_delivered(target: str) -> None:
    with box(**HERE) as inside:
        told: Answer = inside.connect(target)[1]
    assert (told.status, told.body.endswith(b"Port 25 is closed to sandboxes.\n")) == (403, True)


def test_unknown_names_and_closed_ports_are_told_apart_from_refusals() -> None:
    with serving(fixed(answer(b"x"))) as web:
        pass
    with box(**HERE) as inside:
        unknown, closed = inside.get("http://nowhere.test/"), inside.connect(f"a.test:{web.port}")[1]
    assert (unknown.status, unknown.body) == (502, b"The host name nowhere.test is not known.\n")
    assert closed.status == 502
    assert f"port {web.port}" in closed.body.decode()
