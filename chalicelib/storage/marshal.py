"""Rows as Python dictionaries, and as the attribute values DynamoDB speaks.

A row holds scalars only (text, whole numbers, booleans, bytes); a document goes into one of them through ``documents``.
"""

from collections.abc import Mapping
from typing import Any

Scalar = str | int | bool | bytes
Row = dict[str, Any]
Wire = dict[str, dict[str, Any]]


def to_wire_value(value: Scalar) -> dict[str, Any]:
    """One attribute value."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    return {"B": value}


def to_wire(row: Mapping[str, Scalar | None]) -> Wire:
    """A row as attribute values; None is left out."""
    return {name: to_wire_value(value) for name, value in row.items() if value is not None}


def _from_value(value: dict[str, Any]) -> Any:
    ((kind, raw),) = value.items()
    return int(raw) if kind == "N" else raw


def from_wire(wire: Wire) -> Row:
    """The row behind attribute values."""
    return {name: _from_value(value) for name, value in wire.items()}
