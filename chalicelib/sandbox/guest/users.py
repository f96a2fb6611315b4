"""The user a caller names. A sandbox has one; the names E2B clients use all mean it."""

import binascii

from . import environment
from .wire import Problem, Request

_KNOWN = ("user", "root")


def check(request: Request) -> None:
    """Refuse a user the sandbox does not know. Raises Problem."""
    name = request.query.get("username") or _basic(request.headers.get("authorization", ""))
    if name and name not in _KNOWN and name != environment.user():
        raise Problem("unauthenticated", f"there is no user '{name}'")


def _basic(header: str) -> str:
    scheme, _, word = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return binascii.a2b_base64(word).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        raise Problem("unauthenticated", "the user cannot be read") from None
