"""Objects that clients put into the bucket themselves: what is agreed on beforehand, and the headers that carry it."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be put, once: so many bytes of this media type, with this SHA-256 (hexadecimal) where it is known."""

    size: int
    media_type: str
    sha256: str | None = None

    def headers(self) -> dict[str, str]:
        """What a client has to send, exactly; a signature over it lets nothing else in."""
        told = {"content-length": str(self.size), "content-type": self.media_type, "if-none-match": "*"}
        return told if self.sha256 is None else told | {"x-amz-checksum-sha256": _packed(self.sha256)}

    def parameters(self) -> dict[str, Any]:
        """The same as the parameters of PutObject."""
        told = {"ContentLength": self.size, "ContentType": self.media_type, "IfNoneMatch": "*"}
        return told if self.sha256 is None else told | {"ChecksumSHA256": _packed(self.sha256)}


@dataclass(frozen=True, slots=True)
class Described:
    """What storage knows of an object: its bytes, and the SHA-256 (hexadecimal) where it has checked one itself."""

    size: int
    sha256: str | None


def described(head: dict[str, Any]) -> Described:
    """What the answer of HeadObject tells."""
    return Described(head["ContentLength"], _unpacked(head.get("ChecksumSHA256", "")))


def _packed(digest: str) -> str:
    return b64encode(bytes.fromhex(digest)).decode()


def _unpacked(text: str) -> str | None:
    """None also for the checksum of an object stored in parts: it is one of the parts' checksums."""
    try:
        raw = b64decode(text, validate=True)
    except binascii.Error:
        return None
    return raw.hex() if len(raw) == _DIGEST_BYTES else None
