"""Projection expressions: which parts of an item an answer carries."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalicelib.local.engine.dynamodb.syntax import Reader
from chalicelib.local.engine.dynamodb.values import Item, Value, clone

Parts = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """A compiled projection."""

    paths: tuple[Parts, ...]
    used_names: frozenset[str]

    def pick(self, item: Item) -> Item:
        """A copy of the projected parts."""
        return pick_paths(item, self.paths)


@lru_cache(maxsize=1024)
def compile_projection(text: str, names: tuple[tuple[str, str], ...]) -> Projection:
    """Compiles a projection expression. Raises ValidationException."""
    reader = Reader("ProjectionExpression", text, dict(names))
    paths = [reader.path().parts]
    while reader.peek() == ",":
        reader.take()
        paths.append(reader.path().parts)
    reader.finish()
    for place, path in enumerate(paths):
        if path in paths[:place]:
            shown = ", ".join(str(part) for part in path)
            raise reader.refuse(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                f"path one: [{shown}], path two: [{shown}]"
            )
    return Projection(tuple(paths), frozenset(reader.used_names))


def pick_paths(item: Item, paths: Iterable[Parts]) -> Item:
    """A copy of those parts of an item that the paths name."""
    wanted: dict[Any, Any] = {}
    for path in paths:
        node = wanted
        for part in path:
            node = node.setdefault(part, {})
    return {
        name: kept for name, below in wanted.items() if name in item and (kept := _prune(item[name], below)) is not None
    }


def _prune(value: Value, wanted: dict[Any, Any]) -> Value | None:
    if not wanted:
        return clone(value)
    if "M" in value:
        members = value["M"]
        inner = {n: k for n, b in wanted.items() if n in members and (k := _prune(members[n], b))}
        return {"M": inner} if inner else None
    if "L" in value:
        found = [
            kept
            for index in sorted(i for i in wanted if isinstance(i, int))
            if index < len(value["L"]) and (kept := _prune(value["L"][index], wanted[index]))
        ]
        return {"L": found} if found else None
    return None
