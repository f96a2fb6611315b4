"""Signatures of messages, checked in constant time."""

import hashlib
import hmac

from chalicelib.core.clock import now_ms
from chalicelib.integrations.errors import BadSignature


def demand(secret: str, signed: bytes, given: str) -> None:
    """The HMAC-SHA256 of the bytes is the given hexadecimal one. Raises BadSignature."""
    wanted = hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
    if not secret or not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise BadSignature


def demand_fresh(at_ms: int, within_ms: int) -> None:
    """The moment is close to the present one. Raises BadSignature."""
    if abs(now_ms() - at_ms) > within_ms:
        raise BadSignature
