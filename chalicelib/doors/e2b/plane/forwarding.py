"""What of a request goes in to the guest, and what of its answer comes out."""

from collections.abc import Iterable, Mapping

_INWARD = frozenset(
    {
        "accept",
        "accept-encoding",
        "connect-protocol-version",
        "connect-timeout-ms",
        "content-encoding",
        "content-length",
        "content-type",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "keepalive-ping-interval",
        "range",
    }
)
_OUTWARD = frozenset(
    {
        "accept-ranges",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-range",
        "etag",
        "last-modified",
        "vary",
    }
)
_METADATA = "x-metadata-"

# What a sandbox holds is shown under the server's own name: it must not act as a page of it.
_TAMED = {"content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff"}


def inward(headers: Mapping[str, str], *, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """Headers for the guest. Keys stay outside: of authorization only a user's name goes in."""
    found = {name: value for name, value in headers.items() if name in _INWARD or name.startswith(_METADATA)}
    # Otherwise the client library would ask for encodings of its own.
    found.setdefault("accept-encoding", "identity")
    scheme = headers.get("authorization", "").partition(" ")[0]
    if scheme.lower() == "basic":
        found["authorization"] = headers["authorization"]
    for name in leave_out:
        found.pop(name, None)
    return found


def outward(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for the client."""
    found = {name: value for name, value in headers.items() if name in _OUTWARD or name.startswith(_METADATA)}
    return found | _TAMED
