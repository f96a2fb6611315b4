"""Signed file URLs: whoever holds one may do one thing with one path, without a token."""

import hashlib
import hmac
import re
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import Literal

from chalicelib.core.errors import Unauthenticated
from chalicelib.core.numbers import whole

Operation = Literal["read", "write"]

_SIGNATURE = re.compile(r"v1_[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class Signed:
    """What a URL claims: a signature over the path, the operation, the user and perhaps a last moment (Unix time)."""

    signature: str
    operation: Operation
    path: str
    user: str
    expiration: str = ""

    def check(self) -> None:
        """Raises Unauthenticated for what can be nobody's signature, and when the moment has passed or is none."""
        if not _SIGNATURE.fullmatch(self.signature):
            raise Unauthenticated("the signature is wrong")
        if not self.expiration:
            return
        until = whole(self.expiration)
        if until is None or until < time.time():
            raise Unauthenticated("the signature has expired")

    def is_by(self, token: str) -> bool:
        """Whether the holder of the token signed this."""
        parts = [self.path, self.operation, self.user, token] + ([self.expiration] if self.expiration else [])
        digest = hashlib.sha256(":".join(parts).encode()).digest()
        expected = "v1_" + b64encode(digest).decode().rstrip("=")
        return hmac.compare_digest(expected.encode(), self.signature.encode())
