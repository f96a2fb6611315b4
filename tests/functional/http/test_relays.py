"""Answers whose bytes come from elsewhere, over the wire."""

import http.client
import time

import pytest

from tests.functional.http.client import Site, read_until, wait_for


def test_status_type_and_bytes_are_those_of_the_source(site: Site) -> None:
    reply = site.ask("GET", "/t/relay/whole")
    assert (reply.status, reply.body) == (206, b"onetwo")
    assert (reply.headers["content-type"], reply.headers["x-own"]) == ("application/x-flow", "1")
    assert reply.headers["request-id"]
    assert site.services.closed.wait(1)


@pytest.mark.parametrize("path", ["/t/relay/whole", "/t/download/5"])
def test_foreign_bytes_are_no_page_of_this_server(site: Site, path: str) -> None:
    headers = site.ask("GET", path).headers
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_each_piece_is_sent_at_once_and_a_client_that_goes_is_noticed(site: Site) -> None:
    with site.opened("/t/relay/silent") as connection:
        read_until(connection, b"one")
        assert site.services.streams_open == 1
    assert site.services.closed.wait(1)
    assert wait_for(lambda: site.services.streams_open == 0)


def test_an_error_of_the_source_breaks_the_answer_off(site: Site) -> None:
    with pytest.raises(http.client.IncompleteRead):
        site.ask("GET", "/t/relay/broken")
    assert site.services.closed.wait(1)


def test_a_head_reads_nothing_and_lets_go(site: Site) -> None:
    reply = site.ask("HEAD", "/t/relay/silent")
    assert (reply.status, reply.body) == (206, b"")
    assert site.services.closed.wait(1)


def test_a_server_that_stops_breaks_it_off_at_once(own_site: Site) -> None:
    with own_site.opened("/t/relay/silent") as connection:
        read_until(connection, b"one")
        started = time.monotonic()
        own_site.stop.set()
        own_site.thread.join(5)
        assert time.monotonic() - started < 1.5
        assert not connection.recv(65536).endswith(b"0\r\n\r\n")
