"""The one reading of a URL: what is checked here is what is called, no other parser sees the text again."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urljoin

from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.ip_literal import IpAddress, parse_host_address, parse_ipv6

MAX_URL = 8192
_PORTS = {"http": 80, "https": 443}
_FORM = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)(?P<rest>[^#]*)", re.IGNORECASE)
_HIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_PORT = re.compile(r":([0-9]{0,5})", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_MAX_NAME = 253
_TARGET_SAFE = "/?:@!$&'()*+,;=-._~%[]|^{}"


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in parts. ``host`` is lower-case ASCII without trailing dot or brackets; ``address`` is set when the host
    is an IP address; ``target`` is path and query as they go onto the wire."""

    scheme: str
    host: str
    address: IpAddress | None
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What decides whether credentials may go along."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(text: str) -> Url:
    """Read an absolute http(s) URL; a fragment is left out. Raises UrlRefused."""
    if len(text) > MAX_URL:
        raise UrlRefused(f"The URL is longer than {MAX_URL} characters.")
    if _HIDDEN.search(text):
        raise UrlRefused("The URL contains a space, a control character or a backslash.")
    form = _FORM.match(text)
    if form is None:
        raise UrlRefused("Only absolute http:// and https:// URLs can be called.")
    if "@" in form["authority"]:
        raise UrlRefused("A URL with a user name or password in it cannot be called.")
    scheme = form["scheme"].lower()
    host, address, port = _authority(form["authority"], _PORTS[scheme])
    return Url(scheme, host, address, port, _target(form["rest"]))


def join(base: Url, location: str) -> Url:
    """Where a redirect leads. Raises UrlRefused."""
    if _HIDDEN.search(location):
        raise UrlRefused("The redirect's URL contains a space, a control character or a backslash.")
    try:
        joined = urljoin(str(base), location)
    except ValueError:
        raise UrlRefused("The redirect's URL cannot be read.") from None
    return parse(joined)


def _authority(text: str, default_port: int) -> tuple[str, IpAddress | None, int]:
    if text.startswith("["):
        inner, closed, tail = text[1:].partition("]")
        if not closed:
            raise UrlRefused("The host of the URL cannot be read.")
        address = _ipv6(inner)
        return str(address), address, _port(tail, default_port)
    name, colon, tail = text.partition(":")
    host, named = _host(name)
    return host, named, _port(colon + tail, default_port)


def _ipv6(text: str) -> IpAddress:
    try:
        return parse_ipv6(text)
    except ValueError as error:
        raise UrlRefused(f"The host of the URL cannot be read: {error}.") from None


def _host(text: str) -> tuple[str, IpAddress | None]:
    host = _ascii(text).lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused("The host of the URL cannot be read.")
    try:
        address = parse_host_address(host)
    except ValueError as error:
        raise UrlRefused(f"The host of the URL cannot be read: {error}.") from None
    return (host if address is None else str(address)), address


def _ascii(text: str) -> str:
    try:
        decoded = unquote_to_bytes(text).decode() if "%" in text else text
        return decoded if decoded.isascii() else _idna(decoded)
    except UnicodeError:
        raise UrlRefused("The host of the URL is not a valid internationalised name.") from None


def _idna(text: str) -> str:
    import idna

    mapped = idna.uts46_remap(text, std3_rules=False)
    return mapped if mapped.isascii() else idna.encode(mapped).decode()


def _port(text: str, default: int) -> int:
    if not text:
        return default
    match = _PORT.fullmatch(text)
    port = int(match[1] or default) if match else 0
    if not 0 < port < 65536:
        raise UrlRefused("The port of the URL cannot be read.")
    return port


def _target(rest: str) -> str:
    rooted = rest if rest.startswith("/") else f"/{rest}"
    return quote(rooted, safe=_TARGET_SAFE)
