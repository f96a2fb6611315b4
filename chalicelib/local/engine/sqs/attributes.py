"""Message attributes in the form a journal can keep, and back."""

import base64
from typing import Any

Attributes = dict[str, dict[str, Any]]


def packed(attributes: Attributes) -> Attributes:
    """A private copy with binary values as text."""
    return {name: _turn(value, lambda data: base64.b64encode(data).decode()) for name, value in attributes.items()}


def unpacked(attributes: Attributes) -> Attributes:
    """What `packed` was given."""
    return {name: _turn(value, base64.b64decode) for name, value in attributes.items()}


def _turn(value: dict[str, Any], turn: Any) -> dict[str, Any]:
    binary = value.get("BinaryValue")
    return {**value, "BinaryValue": turn(binary)} if binary is not None else dict(value)
