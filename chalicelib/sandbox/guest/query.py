"""The query of an address. (The library's own parser takes longer to load than the guest may take to start.)"""

import re

from .wire import Problem

_ESCAPE = re.compile(rb"%([0-9a-fA-F]{2})")


def unquote(text: str) -> str:
    """A part of an address with its escapes resolved. Raises Problem when that is not UTF-8."""
    try:
        return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text.encode("latin-1")).decode()
    except UnicodeError:
        raise Problem("invalid_argument", "the address is not UTF-8") from None


def parse_query(text: str) -> dict[str, str]:
    """The fields of a query; of repeated ones the last. Raises Problem."""
    fields = (part.partition("=") for part in text.split("&") if part)
    return {unquote(name.replace("+", " ")): unquote(value.replace("+", " ")) for name, _, value in fields}
