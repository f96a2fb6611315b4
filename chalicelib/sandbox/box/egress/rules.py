"""Which hosts the inside may reach, by name; addresses are judged when a connection is made."""

import re

from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.patterns import matches_any
from chalicelib.outbound.url import Url
from chalicelib.sandbox.box.egress.errors import Refused
from chalicelib.sandbox.hosts.base import Network

# Handing mail to a mail exchanger needs no permission of anybody there: a sandbox must not become a source of spam.
CLOSED_PORTS = frozenset((25,))
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]+\]|[^:/?#@\\\s]+):(?P<port>[0-9]{1,5})", re.ASCII)


def connect_target(text: str) -> Url:
    """Where a CONNECT leads: ``host:port``. Raises Refused."""
    if not _AUTHORITY.fullmatch(text):
        raise Refused(400, "CONNECT takes a host and a port.")
    return _parsed(f"https://{text}/")


def request_target(text: str) -> Url:
    """Where a request of plain HTTP leads: an absolute URL. Raises Refused."""
    if not text.lower().startswith("http://"):
        raise Refused(400, "This is a proxy: it takes http:// URLs, and CONNECT for everything else.")
    return _parsed(text)


def same_host(authority: str, url: Url) -> bool:
    """Whether what stands in a Host header is the host of the URL, on whatever port."""
    try:
        return urls.parse(f"http://{authority}/").host == url.host
    except UrlRefused:
        return False


class Rules:
    """The network rules of one box."""

    def __init__(self, network: Network) -> None:
        self._internet = network.internet
        self._hosts = network.hosts
        self._denied = network.denied

    def admit(self, url: Url) -> None:
        """Let the URL's host and port pass or not. Raises Refused."""
        if not self.permits(url.host):
            raise Refused(403, refusal(url.host))
        if url.port in CLOSED_PORTS:
            raise Refused(403, f"{refusal(url.host)} Port {url.port} is closed to sandboxes.")

    def permits(self, host: str) -> bool:
        """Whether a host in normal form may be reached."""
        if matches_any(host, self._denied):
            return False
        return self._internet == "all" or (self._internet == "limited" and matches_any(host, self._hosts))


def refusal(host: str) -> str:
    """The words of a 403."""
    return f"{host} cannot be reached: the network rules of this environment do not allow it."


def _parsed(text: str) -> Url:
    try:
        return urls.parse(text)
    except UrlRefused as error:
        raise Refused(400, error.message) from None
