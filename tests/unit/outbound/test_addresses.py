from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.outbound.addresses import Allowed, is_public
from chalicelib.outbound.url import parse

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.0.1.1", "223.255.255.255"]
PUBLIC_V6 = ["2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "2a00::5efe:8.8.8.8"]
NEVER = [IPv4Network(n) for n in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")]


@pytest.mark.parametrize("text", PUBLIC + PUBLIC_V6)
def test_public_addresses(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_what_is_not_global_is_not_public(address: object) -> None:
    found = ip_address(str(address))
    if not found.is_global or any(found in network for network in NEVER):
        assert not is_public(found)


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_is_public_that_the_library_calls_inner(address: object) -> None:
    found = ip_address(str(address))
    if found.is_private or found.is_multicast or found.is_reserved:
        assert not is_public(found) or found in IPv6Network("64:ff9b::/96")


@given(st.sampled_from(NEVER).flatmap(lambda network: st.ip_addresses(v=4, network=network)))
def test_an_inner_address_stays_inner_inside_every_wrapping(address: object) -> None:
    value = int(ip_address(str(address)))
    for prefix in (0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, (0x20010DB8 << 96), (0x2A00 << 112) | (0x5EFE << 32)):
        assert not is_public(ip_address((prefix | value).to_bytes(16, "big")))
    assert not is_public(ip_address((0x2002 << 112 | value << 80).to_bytes(16, "big")))


@pytest.mark.parametrize(
    ("entries", "url", "address", "permitted"),
    [
        ((), "http://8.8.8.8/", "8.8.8.8", True),
        ((), "http://a.test/", "10.0.0.1", False),
        (("10.0.0.0/8",), "http://a.test/", "10.0.0.1", True),
        (("10.0.0.7/8",), "http://a.test/", "10.200.0.1", True),
        (("10.0.0.1",), "http://a.test/", "10.0.0.2", False),
        (("a.test",), "http://A.test./", "10.0.0.1", True),
        (("a.test",), "http://b.a.test/", "10.0.0.1", False),
        (("localhost",), "http://127.0.0.1/", "127.0.0.1", False),
        (("[fd00::1]",), "http://x/", "fd00::1", True),
        (("fd00::/8",), "http://x/", "fd12::1", True),
        (("127.0.0.1",), "http://x/", "::ffff:127.0.0.1", True),
    ],
)
def test_the_operators_exceptions(entries: tuple[str, ...], url: str, address: str, permitted: bool) -> None:
    assert Allowed(entries).permits(parse(url), ip_address(address)) is permitted
