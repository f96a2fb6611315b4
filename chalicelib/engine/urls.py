"""Which addresses a conversation has shown so far, and by whom."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.tools.toolset import TOOLSET, config_of

_URL = re.compile(r"https?://[^\s<>\"`\\]+", re.IGNORECASE)
_TRAILING = ".,;:!?"
# An address may hold the first ones and may be followed by them: both readings count.
_CLOSING = "'])}|*" + "\u3002\uff0c\u3001\uff1b\uff1a\uff01\uff1f\uff09\u3011\u300d\u300f\u300b\u201d\u2019\u00bb\u2026"
Rules = Mapping[str, Any]
"""What an agent says of each source (``user_input``, ``client_tool_results``, ``server_tool_results``): nothing or
``all``, ``none``, ``only`` or ``except`` with names of tools."""


def rules_of(agent: Mapping[str, Any], tool: str) -> Rules:
    """The rules an agent has for a web tool."""
    for entry in agent.get("tools") or []:
        if entry.get("type") == TOOLSET:
            return (config_of(entry, tool) or {}).get("url_sources") or {}
    return {}


def seen(messages: list[dict[str, Any]], client_tools: frozenset[str], url: str, rules: Rules) -> bool:
    """Whether an admitted source has shown exactly this address; fragment and final slash do not count."""
    wanted = _bare(url)
    return any(
        _is(found, wanted)
        for source, tool, text in _shown(messages, client_tools)
        if _admits(rules.get(source), tool)
        for found in _URL.findall(text)
    )


def _admits(rule: Mapping[str, Any] | None, tool: str) -> bool:
    kind = "all" if rule is None else rule["type"]
    if kind in ("all", "none"):
        return bool(kind == "all")
    named = tool in {reference["name"] for reference in (rule or {})["tools"]}
    return named == (kind == "only")


def _is(found: str, wanted: str) -> bool:
    """Whether an address stands at the beginning of what looks like one, with nothing behind it but what ends it."""
    address = found.partition("#")[0]
    if not address.startswith(wanted):
        return False
    rest = address[len(wanted) :].lstrip("/").lstrip(_TRAILING)
    return not rest or rest[0] in _CLOSING


def _bare(url: str) -> str:
    return url.partition("#")[0].rstrip("/")


def _shown(messages: list[dict[str, Any]], client_tools: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """(source, tool or nothing, text) of all that others than the model said."""
    names: dict[str, str] = {}
    for message in messages:
        for block in message["content"]:
            if block["type"] == "tool_use":
                names[block["id"]] = block["name"]
            elif block["type"] == "tool_result":
                tool = names.get(block["tool_use_id"], "")
                source = "client_tool_results" if tool in client_tools else "server_tool_results"
                yield from ((source, tool, text) for text in _texts(block["content"]))
            elif message["role"] == "user":
                yield from (("user_input", "", text) for text in _texts([block]))


def _texts(content: Any) -> Iterator[str]:
    """Every text inside blocks, however deep."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            yield from _texts(part)
    elif isinstance(content, dict):
        for name, part in content.items():
            if name not in ("type", "media_type", "id"):
                yield from _texts(part)
