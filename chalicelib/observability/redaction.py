"""Keeps secrets out of log lines, by the names of the things they are the values of."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[redacted]"

_NAME = r"(?:authorization|api[-_]?key|secret|passw(?:or)?d|passphrase|cookie|credential|private[-_]?key|token(?!s))"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# name, then ":" or "=", then the value; quotes may be escaped because the text may be JSON inside JSON.
_PAIR = re.compile(
    rf"""([\w.-]*{_NAME}[\w.-]*\\*["']?(?:\s*[:=]\s*|(?<=["']),\s*)\\*(?:b(?=["']))?["']?)((?:(?:bearer|basic)\s+)?[^\s"'\\,;&{{}}\[\]()]+)""",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether a header or key of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def scrub_text(text: str) -> str:
    """The text with the values of secret-looking ``name: value`` pairs and credentials hidden."""
    return _SCHEME.sub(rf"\1 {HIDDEN}", _PAIR.sub(rf"\1{HIDDEN}", text))


def scrub(value: Any) -> Any:
    """The value with everything under a secret-looking key hidden, at any depth."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret_name(str(key)) else scrub(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub(inner) for inner in value]
    return value
