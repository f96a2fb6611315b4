"""IP addresses in every notation a URL may spell them in."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

IpAddress = IPv4Address | IPv6Address

_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
_MAX_DIGITS = 64


def parse_host_address(host: str) -> IpAddress | None:
    """The address a lower-case host spells, None when it is a name.

    A host whose last label is a number is an address or nothing, as browsers and the C library see it.
    Raises ValueError when it is nothing.
    """
    if ":" in host:
        return parse_ipv6(host)
    labels = host.split(".")
    if not _NUMBER.fullmatch(labels[-1]):
        return None
    return IPv4Address(_ipv4_value(labels))


def parse_ipv6(text: str) -> IpAddress:
    """An IPv6 address without zone; one that wraps an IPv4 address for this machine's own stack becomes that one.

    Raises ValueError.
    """
    if "%" in text:
        raise ValueError("zone identifiers have no meaning in a URL")
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise ValueError("not an IPv6 address") from None
    return address.ipv4_mapped or address


def _ipv4_value(labels: list[str]) -> int:
    if len(labels) > 4:
        raise ValueError("an IPv4 address has at most four parts")
    *heads, last = [_number(label) for label in labels]
    if any(head > 255 for head in heads) or last >= 256 ** (5 - len(labels)):
        raise ValueError("a part of the IPv4 address is too large")
    return last + sum(head << 8 * (3 - place) for place, head in enumerate(heads))


def _number(label: str) -> int:
    if len(label) > _MAX_DIGITS or not _NUMBER.fullmatch(label):
        raise ValueError("a part of the IPv4 address is not a number")
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if label.startswith("0") else int(label)
