"""Under which names a model is offered the tools of MCP servers."""

import hashlib
import re
from collections.abc import Container

LONGEST = 64
"""The most characters that every provider takes."""
_PREFIX = "mcp__"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_MARK = 8


def offered_name(server: str, tool: str, taken: Container[str] = ()) -> str:
    """``mcp__server__tool``. What a provider would refuse in it, or what is taken, is told apart by a mark that
    depends on the two names alone."""
    plain = f"{_PREFIX}{server}__{tool}"
    safe = _UNSAFE.sub("_", plain)
    if safe == plain and len(safe) <= LONGEST and safe not in taken:
        return safe
    mark = hashlib.sha256(f"{server}\x1f{tool}".encode()).hexdigest()
    return f"{safe[: LONGEST - _MARK - 1]}_{mark[:_MARK]}"


def split(name: str, servers: list[str]) -> tuple[str, str] | None:
    """The server and the tool that a name not offered speaks of, if it is one of these servers."""
    for server in sorted(servers, key=len, reverse=True):
        begin = f"{_PREFIX}{_UNSAFE.sub('_', server)}__"
        if name.startswith(begin) and len(name) > len(begin):
            return server, name[len(begin) :]
    return None
