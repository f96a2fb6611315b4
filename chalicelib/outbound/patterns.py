"""Host names against the patterns of allow-lists."""

from collections.abc import Iterable
from functools import lru_cache

from chalicelib.outbound.ip_literal import parse_host_address

EVERY = "*"


def matches(host: str, pattern: str) -> bool:
    """Whether a host in normal form (as ``Url.host``) is meant by the pattern.

    A pattern is a name, or ``*.name`` for every host below it at any depth but not itself, or ``*`` for every host.
    Nothing is below an IP address: one is meant only by itself.
    """
    wanted = _normal(pattern)
    if wanted == EVERY:
        return True
    if not wanted.startswith("*."):
        return host == wanted
    return host.endswith(wanted[1:]) and len(host) > len(wanted) - 1 and not _is_address(host)


def matches_any(host: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns means the host."""
    return any(matches(host, pattern) for pattern in patterns)


@lru_cache(maxsize=4096)
def _normal(pattern: str) -> str:
    bare = pattern.strip().lower()
    bare = bare.removesuffix(".").strip("[]") if bare.strip("*.") else bare
    if bare.isascii():
        return bare
    import idna

    mark, name = ("*.", bare[2:]) if bare.startswith("*.") else ("", bare)
    try:
        return mark + idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return bare


def _is_address(host: str) -> bool:
    try:
        return parse_host_address(host) is not None
    except ValueError:
        return True
