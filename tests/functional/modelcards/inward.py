"""Spellings of addresses that lead to the inside of a network, and how a name that means them is looked up."""

from ipaddress import ip_address

from chalicelib.outbound.ip_literal import IpAddress
from tests.support.inner_urls import INNER, LOOPBACK_IPV4, LOOPBACK_IPV6

NAMED = ("localhost", "metadata.google.internal", "inner.example", "mixed.example")
HOSTS = (*LOOPBACK_IPV4[::5], *LOOPBACK_IPV6[::4], *INNER[::6], *NAMED)

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "inner.example": ["10.0.0.7"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "outer.example": ["93.184.216.34"],
}


def lookup(host: str) -> list[IpAddress]:
    """As a resolver does that knows these names."""
    return [ip_address(text) for text in NAMES[host]]
