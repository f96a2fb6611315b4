"""Reads request bodies: refuses what is too large or of another type before it is read, and parses JSON objects."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from chalicelib.core.errors import InvalidRequest, TooLarge, UnsupportedMedia

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

SMALL = 64 << 10
"""Bodies up to this many bytes may be read before the caller is known."""


def is_announced(headers: Mapping[str, str]) -> bool:
    """Whether a body follows the headers."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def is_small(headers: Mapping[str, str]) -> bool:
    """Whether the body is said to be so small that it may be read before anything else is known."""
    length = headers.get("content-length", "")
    return length.isdigit() and int(length) <= SMALL


def check_length(headers: Mapping[str, str], limit: int) -> None:
    """Refuse by the announced length. Raises TooLarge, and InvalidRequest for a length that is none."""
    length = headers.get("content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit()):
        raise InvalidRequest("content-length must be a whole number")
    if int(length) > limit:
        raise _too_large(limit)


def check_media(headers: Mapping[str, str], accepted: tuple[str, ...]) -> None:
    """Refuse another content type than these (``accepted`` empty: JSON). Raises UnsupportedMedia."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    fits = media in accepted if accepted else _is_json(media)
    if not fits:
        raise UnsupportedMedia(f"content type {media!r} is not read here; send {' or '.join(accepted or _JSON[:1])}")


_JSON = ("application/json", "text/json", "*/*", "")


def _is_json(media: str) -> bool:
    return media in _JSON or (media.endswith("+json") and "/" in media)


async def read(receive: Receive, limit: int) -> bytes:
    """The whole body, counted while it comes in. Raises TooLarge and ClientDisconnect."""
    pieces: list[bytes] = []
    counted = counting(receive, limit)
    while True:
        message = await counted()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def counting(receive: Receive, limit: int) -> Receive:
    """A ``receive`` that raises TooLarge once more than ``limit`` bytes came in."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return counted


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty body counts as ``{}``. Raises InvalidRequest."""
    if not raw.strip():
        return {}
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"the body is not valid JSON: {_reason(raw, error)}") from error
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    if b"\\u0000" in raw and _has_nul(value):
        raise InvalidRequest("strings must not contain the NUL character")
    return value


def _reason(raw: bytes, error: ValueError) -> str:
    try:
        raw.decode()
    except UnicodeDecodeError as undecodable:
        return f"it is not UTF-8 at byte {undecodable.start}"
    return str(error)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes", details={"limit_bytes": limit})
