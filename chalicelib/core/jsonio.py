"""JSON in and out, quick and compact."""

from typing import Any

from pydantic_core import from_json, to_json


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return to_json(value).decode()


def dump_bytes(value: Any) -> bytes:
    """Compact JSON as UTF-8."""
    return to_json(value)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError."""
    return from_json(text)
