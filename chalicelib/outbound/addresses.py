"""Which IP addresses are on the public internet, from the registries of special-purpose addresses.

The tables are spelled out because the standard library's idea of a global address differs between patch releases.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from chalicelib.outbound.ip_literal import IpAddress, parse_host_address
from chalicelib.outbound.url import Url

_IPV4_SPECIAL = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # the platform endpoint of a large cloud, inside public space
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_IPV6_UNICAST = IPv6Network("2000::/3")
_IPV6_SPECIAL = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def is_public(address: IpAddress) -> bool:
    """Whether the address, and any IPv4 address it carries inside, belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _IPV4_SPECIAL)
    carried = carried_ipv4(address)
    if carried is not None and not is_public(carried):
        return False
    if address in _NAT64:
        return True
    return address in _IPV6_UNICAST and not any(address in block for block in _IPV6_SPECIAL)


def carried_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which a translator or tunnel would hand traffic for this address."""
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None or address in _NAT64:
        return low
    return low if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP else None


class Allowed:
    """What the operator opens although it is not public: hosts by name, addresses, networks."""

    def __init__(self, entries: Iterable[str]) -> None:
        """Raises ValueError naming an entry that is none of these."""
        self._hosts: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            self._add(entry.strip().lower())

    def permits(self, url: Url, address: IpAddress) -> bool:
        """Whether a call of this URL may go to this address."""
        return is_public(_plain(address)) or self.opens(url, address)

    def opens(self, url: Url, address: IpAddress) -> bool:
        """Whether the operator named the URL's host or this address."""
        return url.host in self._hosts or any(_plain(address) in network for network in self._networks)

    def _add(self, entry: str) -> None:
        try:
            if "/" in entry:
                self._networks.append(ip_network(entry, strict=False))
                return
            address = parse_host_address(entry.strip("[]"))
        except ValueError:
            raise ValueError(f"{entry!r} is not a host, an address or a network") from None
        if address is None:
            self._hosts.add(entry.removesuffix("."))
        else:
            self._networks.append(ip_network(address))


def _plain(address: IpAddress) -> IpAddress:
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
