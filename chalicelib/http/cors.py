"""Cross-origin access: any origin, because there a key in a header is what admits; cookies of browsers are left out."""

from collections.abc import Iterable, Mapping

from chalicelib.http.route import Answer

_EXPOSED = (
    "request-id, x-request-id, retry-after, retry-after-ms, x-should-retry, idempotent-replayed, "
    "x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, content-disposition, content-length, x-next-token"
)
_MAX_AGE_SECONDS = 7200

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSED.encode()),
)


def allow(methods: Iterable[str]) -> str:
    """The value of ``Allow`` for a path that has these methods."""
    found = set(methods) | {"OPTIONS"}
    return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))


def options_answer(methods: Iterable[str], headers: Mapping[str, str]) -> Answer:
    """The answer to OPTIONS, which is also the one a browser's preflight waits for."""
    allowed = allow(methods)
    return Answer(
        None,
        204,
        {
            "allow": allowed,
            "access-control-allow-methods": allowed,
            "access-control-allow-headers": headers.get("access-control-request-headers") or "*",
            "access-control-max-age": str(_MAX_AGE_SECONDS),
            "vary": "access-control-request-headers",
        },
    )
