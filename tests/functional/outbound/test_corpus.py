"""Addresses that must not be reached, in every spelling, against a listener that would notice."""

from collections.abc import Iterator

import pytest

from chalicelib.outbound.errors import AddressRefused, OutboundError, OutboundUnreachable, UrlRefused
from chalicelib.outbound.guard import Outbound
from tests.functional.outbound.calls import Names, call
from tests.functional.outbound.web import answer, fixed, serving
from tests.support.canary import Canary
from tests.support.inner_urls import CORPUS, HOSTS, INNER, LOOPBACK_IPV4, LOOPBACK_IPV6, UNREADABLE

EVERYTHING = ("0.0.0.0/0", "::/0")


@pytest.fixture(scope="module")
def listener() -> Iterator[Canary]:
    with Canary() as running:
        yield running


def test_the_corpus_is_large() -> None:
    assert len(set(CORPUS)) > 500
    assert len(set(HOSTS)) > 250


def test_nothing_in_the_corpus_reaches_the_listener(listener: Canary) -> None:
    before, outbound = listener.met, Outbound()
    answered = []
    for form in CORPUS:
        try:
            call(outbound, form.replace("{port}", str(listener.port)))
            answered.append(form)
        except OutboundError:
            continue
    assert answered == []
    assert listener.met == before


@pytest.mark.parametrize("host", LOOPBACK_IPV4 + LOOPBACK_IPV6)
def test_the_spellings_do_mean_this_machine(listener: Canary, host: str) -> None:
    assert call(Outbound(EVERYTHING), f"http://{host}:{listener.port}/").body == b"reached"


@pytest.mark.parametrize("host", INNER)
def test_inner_addresses_are_refused_as_such(host: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        call(Outbound(), f"http://{host}/")
    assert "not a host on the public internet" in caught.value.message


@pytest.mark.parametrize("host", UNREADABLE)
def test_what_is_no_host_is_refused_although_everything_is_allowed(host: str) -> None:
    with pytest.raises((UrlRefused, OutboundUnreachable)):
        call(Outbound(EVERYTHING, lookup=lambda _: []), f"http://{host}/")


def test_a_name_with_one_inner_address_is_refused_whole() -> None:
    with serving(fixed(answer(b"x"))) as web:
        for addresses in (["8.8.8.8", "127.0.0.1"], ["::1", "2606:4700::1111"], ["::ffff:10.0.0.1"]):
            outbound = Outbound(lookup=Names(mixed_test=[addresses]))
            with pytest.raises(AddressRefused) as caught:
                call(outbound, web.url(host="mixed.test"))
            assert not any(address in caught.value.message for address in addresses)
        assert web.connections == 0
