"""Identifiers: 128 bits in UUID v4 layout, stored dashed and lower-case; each door prints them in its own dress."""

import hashlib
import re
import uuid

from chalicelib.core.errors import NotFound

_HEX = re.compile(r"[0-9a-f]{32}")
_DASHED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A fresh core id."""
    return str(uuid.uuid4())


def ordered_id(at_ms: int) -> str:
    """A fresh core id; as texts, ids stand in the order of their milliseconds."""
    return str(uuid.UUID(hex=f"{at_ms:012x}{uuid.uuid4().hex[12:]}"))


def derive_id(*parts: str) -> str:
    """The same core id for the same parts: lets a repeated request find what its first try made."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]
    return str(uuid.UUID(bytes=digest, version=4))


def is_core_id(text: str) -> bool:
    """Whether a text is a core id as it is stored, in no door's dress."""
    return bool(_DASHED.fullmatch(text))


def dress(prefix: str, core_id: str) -> str:
    """A core id as a door prints it: ``prefix_`` and 32 hexadecimal digits."""
    return f"{prefix}_{core_id.replace('-', '')}"


def undress(prefix: str, text: str) -> str | None:
    """The core id behind any accepted dress (``prefix_hex``, ``hex``, dashed; any case), else None."""
    lowered = text.lower()
    bare = lowered.removeprefix(f"{prefix}_")
    if _DASHED.fullmatch(bare):
        return bare
    if _HEX.fullmatch(bare):
        return str(uuid.UUID(bare))
    return None


def named_id(prefix: str, text: str, field: str, noun: str) -> str:
    """The core id behind the one a request names in ``field``. Raises NotFound for what cannot be an id."""
    core = undress(prefix, text)
    if core is None:
        raise NotFound(f"{field}: there is no {noun} {text}", field=field)
    return core
