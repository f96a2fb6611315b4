"""Secrets sealed before they are stored: AES-256-GCM under a key of the tenant, bound to what they belong to."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from threading import RLock

from chalicelib.core.jsonio import dump_bytes
from chalicelib.core.lazy import lazy
from chalicelib.storage.errors import SecretUnreadable
from chalicelib.storage.keys import Space
from chalicelib.storage.rootkey import hkdf

FORMAT = "lbs1."
_NONCE_BYTES = 12


class SecretBox:
    """Seals and opens secrets, and derives tokens. ``root`` gives the root key; it is asked once, at the first use."""

    def __init__(self, root: Callable[[], bytes]) -> None:
        self.lock = RLock()
        self._ask = root

    @lazy
    def _root(self) -> bytes:
        return self._ask()

    @lazy
    def _token_key(self) -> bytes:
        return hkdf(self._root, b"lambent tokens 1")

    def _key(self, space: Space) -> bytes:
        return hkdf(self._root, _joined("lambent secrets 1", space.tenant))

    def seal(self, space: Space, purpose: str, owner_id: str, plaintext: str | bytes) -> str:
        """Printable text that only ``open`` with the same tenant, purpose and owner can read. Raises NoRootSecret."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = plaintext.encode() if isinstance(plaintext, str) else plaintext
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._key(space)).encrypt(nonce, raw, _bound(space, purpose, owner_id))
        return FORMAT + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, space: Space, purpose: str, owner_id: str, sealed: str) -> bytes:
        """What was sealed. Raises SecretUnreadable, NoRootSecret."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not sealed.startswith(FORMAT):
            raise SecretUnreadable("the secret is not in a known format")
        try:
            packed = base64.b64decode(sealed.removeprefix(FORMAT), altchars=b"-_", validate=True)
            nonce, body = packed[:_NONCE_BYTES], packed[_NONCE_BYTES:]
            return AESGCM(self._key(space)).decrypt(nonce, body, _bound(space, purpose, owner_id))
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SecretUnreadable("the secret was sealed under another key, for something else, or altered") from error

    def open_text(self, space: Space, purpose: str, owner_id: str, sealed: str) -> str:
        """As ``open``, for what was sealed as text."""
        return self.open(space, purpose, owner_id, sealed).decode()

    def derive(self, *parts: str) -> bytes:
        """32 bytes that follow from the parts and cannot be guessed: tokens that need not be stored.

        Raises NoRootSecret.
        """
        return hmac.digest(self._token_key, _joined(*parts), hashlib.sha256)


def _joined(*parts: str) -> bytes:
    """Parts as bytes, unequal for unequal parts."""
    return dump_bytes(list(parts))


def _bound(space: Space, purpose: str, owner_id: str) -> bytes:
    return _joined(FORMAT, space.tenant, purpose, owner_id)
