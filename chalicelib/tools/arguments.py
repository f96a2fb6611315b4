"""Reading what a model gave a tool."""

from typing import Any


class Unusable(Exception):
    """An argument that is missing or of the wrong kind; the message is for the model."""


def text(arguments: dict[str, Any], name: str, *, empty: bool = False) -> str:
    """An argument that has to be there. Raises Unusable."""
    value = arguments.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise Unusable(f"`{name}` has to be a text.")
    if not _is_unicode(value):
        raise Unusable(f"`{name}` is not valid Unicode.")
    return value


def optional_text(arguments: dict[str, Any], name: str) -> str | None:
    """An argument that may be left out. Raises Unusable."""
    return None if arguments.get(name) in (None, "") else text(arguments, name)


def number(arguments: dict[str, Any], name: str, *, least: int | None = None) -> int | None:
    """A whole number that may be left out. Raises Unusable."""
    value = arguments.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        raise Unusable(f"`{name}` has to be a whole number" + (f" of at least {least}." if least is not None else "."))
    return value


def flag(arguments: dict[str, Any], name: str) -> bool:
    """A switch that is off when left out. Raises Unusable."""
    value = arguments.get(name)
    if value is not None and not isinstance(value, bool):
        raise Unusable(f"`{name}` has to be true or false.")
    return bool(value)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
