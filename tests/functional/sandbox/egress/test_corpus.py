"""Addresses that must not be reached, in every spelling, through both ways of asking a proxy."""

import pytest

from tests.functional.outbound.calls import Names
from tests.functional.outbound.web import answer, fixed, serving
from tests.functional.sandbox.egress.boxes import box, read
from tests.support.inner_urls import HOSTS, INNER, LOOPBACK_IPV4, LOOPBACK_IPV6, URLS

DISGUISES = {
    "127.0.0.1.wild_test": ["127.0.0.1"],
    "10-0-0-1.wild_test": ["10.0.0.1"],
    "meta.wild_test": ["169.254.169.254"],
    "six.wild_test": ["::1"],
    "mapped.wild_test": ["::ffff:169.254.169.254"],
    "nat64.wild_test": ["64:ff9b::7f00:1"],
    "mixed.wild_test": ["8.8.8.8", "192.168.0.1"],
    "own.wild_test": ["0.0.0.0"],
    "cgn.wild_test": ["100.64.0.1"],
    "unique.wild_test": ["fd00:ec2::254"],
}


def _sendable(text: str) -> bool:
    return not any(character in text for character in "\r\n\x00\t ") and text.isprintable()


def test_no_spelling_of_an_inner_address_gets_through() -> None:
    hosts = [host for host in HOSTS if _sendable(host)]
    assert len(hosts) > 200
    reached = []
    with serving(fixed(answer(b"reached"))) as web, box(allow=()) as inside:
        for host in hosts:
            for wire in (f"GET http://{host}:{web.port}/ HTTP/1.1", f"CONNECT {host}:{web.port} HTTP/1.1"):
                connection = inside.open()
                connection.sendall(f"{wire}\r\nHost: x\r\n\r\n".encode())
                told = read(connection)
                connection.close()
                if told.status not in (400, 403, 502):
                    reached.append((wire, told.status))
        assert reached == []
        assert web.connections == 0
        assert "allowed" not in inside.egress.decisions


@pytest.mark.parametrize("host", [*LOOPBACK_IPV4[:12], *LOOPBACK_IPV6[:4], *INNER[:60:5]])
def test_the_reason_is_the_rules_not_a_failure(host: str) -> None:
    with box(allow=()) as inside:
        assert {inside.get(f"http://{host}/").status, inside.connect(f"{host}:443")[1].status} == {403}


def test_odd_targets_are_refused() -> None:
    with serving(fixed(answer(b"reached"))) as web, box(allow=()) as inside:
        for form in URLS:
            text = form.replace("{port}", str(web.port))
            if not _sendable(text) or not text:
                continue
            for method in ("GET", "CONNECT"):
                connection = inside.open()
                connection.sendall(f"{method} {text} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert read(connection).status in (400, 403, 502), (method, form)
                connection.close()
        assert web.connections == 0


@pytest.mark.parametrize("name", DISGUISES)
def test_names_that_lead_inside_are_refused_whatever_they_look_like(name: str) -> None:
    host = name.replace("_", ".")
    with box(allow=(), names=Names(**{name: [DISGUISES[name]]})) as inside:
        assert {inside.get(f"http://{host}/").status, inside.connect(f"{host}:443")[1].status} == {403}
        assert inside.names.asked == [host, host]
