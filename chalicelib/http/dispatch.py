"""Finds the route of a request: a table of literal paths, and a tree of segments for those with parameters."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote


class RouteClash(ValueError):
    """Two routes claim the same method and path."""


class BadPath(ValueError):
    """The path of a route cannot be read."""


class Entry(Protocol):
    """What the table holds."""

    @property
    def path(self) -> str: ...
    @property
    def methods(self) -> Sequence[str]: ...
    @property
    def owner(self) -> str: ...


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Match(Generic[E]):
    """``entry`` None: no such method (``allowed`` has those there are) or no such path (``allowed`` is empty)."""

    entry: E | None
    parameters: dict[str, str]
    allowed: tuple[str, ...]


@dataclass(slots=True)
class _Node(Generic[E]):
    literals: dict[str, "_Node[E]"] = field(default_factory=dict)
    parameter: "_Node[E] | None" = None
    rest: "_Node[E] | None" = None
    entries: dict[str, E] = field(default_factory=dict)


def parameters_of(path: str) -> tuple[str, ...]:
    """The parameter names of a route's path, in order."""
    return tuple(name for kind, name in _segments(path) if kind != "literal")


def shape_of(path: str) -> str:
    """The path with its parameter names left out: what two routes must not share."""
    return "/" + "/".join(name if kind == "literal" else f"{{{kind}}}" for kind, name in _segments(path))


def _segments(path: str) -> list[tuple[str, str]]:
    if not path.startswith("/") or (path.endswith("/") and path != "/"):
        raise BadPath(f"{path!r} must start with a slash and not end with one")
    found = [_segment(path, text) for text in path.split("/")[1:]]
    if any(kind == "rest" for kind, _ in found[:-1]):
        raise BadPath(f"{path!r}: only the last segment may take the rest")
    return found


def _segment(path: str, text: str) -> tuple[str, str]:
    if text.startswith("{") and text.endswith("}"):
        name, _, kind = text[1:-1].partition(":")
        if not name.isidentifier() or kind not in ("", "path"):
            raise BadPath(f"{path!r}: {text} is no parameter")
        return ("rest" if kind else "parameter"), name
    if "{" in text or "}" in text:
        raise BadPath(f"{path!r}: a parameter must be a whole segment")
    return "literal", text


class RouteTable(Generic[E]):
    """Routes by path and method. Raises RouteClash and BadPath when it is built."""

    def __init__(self, entries: Iterable[E]) -> None:
        self._root: _Node[E] = _Node()
        self._literal: dict[str, dict[str, E]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        for entry in entries:
            self._add(entry)

    def _add(self, entry: E) -> None:
        node = self._root
        for kind, name in _segments(entry.path):
            node = _grow(node, kind, name)
        self._names[entry.path] = parameters_of(entry.path)
        for method in entry.methods:
            if other := node.entries.get(method):
                raise RouteClash(
                    f"{method} {entry.path} of door {entry.owner!r} is taken by {other.path} of door {other.owner!r}"
                )
            node.entries[method] = entry
        if not self._names[entry.path]:
            self._literal[entry.path] = node.entries

    def find(self, method: str, raw_path: str) -> Match[E]:
        """The route for a method and a percent-encoded path; a literal segment beats a parameter."""
        literal = self._literal.get(raw_path)
        if literal is not None and (entry := literal.get(method)):
            return Match(entry, {}, ())
        segments = raw_path.split("/")[1:]
        if "%" in raw_path:
            segments = [unquote(segment) if "%" in segment else segment for segment in segments]
        straight = self._straight(method, segments)
        if straight is not None:
            return straight
        allowed: set[str] = set()
        for node, values in _walk(self._root, segments, 0, ()):
            if entry := node.entries.get(method):
                return Match(entry, dict(zip(self._names[entry.path], values, strict=True)), ())
            allowed.update(node.entries)
        return Match(None, {}, tuple(sorted(allowed)))

    def _straight(self, method: str, segments: list[str]) -> Match[E] | None:
        """The match at the end of the most literal way, which is nearly always the one."""
        node = self._root
        values: list[str] = []
        for segment in segments:
            following = node.literals.get(segment)
            if following is None:
                following = node.parameter
                if following is None or not segment:
                    return None
                values.append(segment)
            node = following
        entry = node.entries.get(method)
        return None if entry is None else Match(entry, dict(zip(self._names[entry.path], values, strict=True)), ())


def _grow(node: _Node[E], kind: str, name: str) -> _Node[E]:
    if kind == "literal":
        return node.literals.setdefault(name, _Node())
    if kind == "parameter":
        node.parameter = node.parameter or _Node()
        return node.parameter
    node.rest = node.rest or _Node()
    return node.rest


def _walk(
    node: _Node[E], segments: list[str], at: int, values: tuple[str, ...]
) -> Iterator[tuple[_Node[E], tuple[str, ...]]]:
    """All nodes the segments lead to, the most literal first."""
    if at == len(segments):
        if node.entries:
            yield node, values
        return
    segment = segments[at]
    if (child := node.literals.get(segment)) is not None:
        yield from _walk(child, segments, at + 1, values)
    if node.parameter is not None and segment:
        yield from _walk(node.parameter, segments, at + 1, (*values, segment))
    if node.rest is not None and segment:
        yield node.rest, (*values, "/".join(segments[at:]))
