"""Opaque cursors, bound to the list and the filters they were made for."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_LONGEST_PLACE = 1024


class BadCursor(ValueError):
    """The text is no cursor of this list and these filters."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A slice of a list; ``next`` continues it, None at its end."""

    items: list[T]
    next: str | None = None


def _digest(bound_to: Mapping[str, Any]) -> str:
    canonical = json.dumps(bound_to, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def encode_cursor(position: Mapping[str, Any], bound_to: Mapping[str, Any]) -> str:
    """A token for a position; ``bound_to`` holds what must stay the same between two pages."""
    body = json.dumps({"p": position, "b": _digest(bound_to)}, separators=(",", ":"))
    return "page_" + base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode_cursor(token: str, bound_to: Mapping[str, Any]) -> dict[str, Any]:
    """The position behind a token. Raises BadCursor for anything else."""
    try:
        raw = token.removeprefix("page_")
        body = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        position, digest = body["p"], body["b"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadCursor("the cursor cannot be read") from error
    if digest != _digest(bound_to) or not isinstance(position, dict):
        raise BadCursor("the cursor belongs to another list or other filters")
    return position


def decode_place(token: str, bound_to: Mapping[str, Any]) -> str:
    """The place ``at`` which a list goes on. Raises BadCursor, also for what can be no place in any list."""
    return place_in(decode_cursor(token, bound_to))


def place_in(position: Mapping[str, Any]) -> str:
    """The place in a position. Raises BadCursor for what can be none: anybody can make up a cursor."""
    place = str(position.get("at", ""))
    try:
        size = len(place.encode())
    except UnicodeEncodeError as error:
        raise BadCursor("the cursor names no place") from error
    if not 0 < size <= _LONGEST_PLACE:
        raise BadCursor("the cursor names no place")
    return place
