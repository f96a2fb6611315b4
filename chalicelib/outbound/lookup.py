"""Names to addresses."""

import socket
from collections.abc import Callable

from chalicelib.outbound.ip_literal import IpAddress, parse_host_address

Lookup = Callable[[str], list[IpAddress]]


def system_lookup(host: str) -> list[IpAddress]:
    """Every address the machine's resolver has for a name, in its order of preference. Raises OSError."""
    # As bytes, because a text host would be passed through the interpreter's older international-name rules.
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    addresses = (parse_host_address(str(entry[4][0]).partition("%")[0]) for entry in found)
    return list(dict.fromkeys(address for address in addresses if address is not None))
