"""What a model is told of the memory stores of its session."""

from collections.abc import Iterable
from typing import Any

from chalicelib.memory.attaching import of

_INTRODUCTION = (
    "Memory stores are folders of text files that outlast this session. What they hold was noted in earlier sessions "
    "or by people: look into them before you begin, as far as the task may depend on it. In a store that can be "
    "written to, keep what will be of use later: change, add and delete files with your usual tools. Each file holds "
    "at most 100KB of UTF-8 text. Other sessions may work on the same store."
)
_ACCESS = {"read_write": "can be read and written", "read_only": "can only be read"}


def section(resources: Iterable[dict[str, Any]]) -> str:
    """The part of the system prompt about a session's stores; empty without any."""
    stores = [_about(one) for one in of(resources)]
    return "\n\n".join(["# Memory", _INTRODUCTION, *stores]) if stores else ""


def _about(store: dict[str, Any]) -> str:
    lines = [f"## {store['mount_path']}/", f"{store['name']}: {_ACCESS[store['access']]}."]
    lines += [str(store[name]) for name in ("description", "instructions") if store.get(name)]
    return "\n".join(lines)
