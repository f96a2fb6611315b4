"""What an answer tells about rate limits."""

from chalicelib.core.errors import RateLimited
from chalicelib.tenants.limits import Quota

Headers = list[tuple[bytes, bytes]]


def quota_headers(quota: Quota) -> Headers:
    """The state of the limit the request was counted against."""
    return [
        (b"x-ratelimit-limit", str(quota.limit).encode()),
        (b"x-ratelimit-remaining", str(max(0, quota.remaining)).encode()),
        (b"x-ratelimit-reset", str(quota.reset).encode()),
    ]


def retry_headers(after_ms: int) -> Headers:
    """When to come back, in whole seconds (rounded up) and in milliseconds."""
    after_ms = max(0, after_ms)
    return [(b"retry-after", str(-(-after_ms // 1000)).encode()), (b"retry-after-ms", str(after_ms).encode())]


def refused_quota(error: RateLimited) -> Quota | None:
    """The quota a refusal carries, when the service attached it."""
    quota: Quota | None = getattr(error, "quota", None)
    return quota
