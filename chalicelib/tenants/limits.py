"""Requests per minute of a tenant, counted in storage for all processes together.

A process takes a share of what is left of the minute and spends it without asking storage again. Its first share of a
minute is a single request, so that many short-lived processes do not hoard what they will not use.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import RateLimited
from chalicelib.core.principal import Principal
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.table import Table
from chalicelib.tenants.register import TenantRegister

UNLIMITED = 1_000_000_000
"""What a quota shows for limit and remaining when there is none."""

_SHARE = 20
_KEPT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Quota:
    """The state after a request: requests per minute, those left, and the second at which all are there again."""

    limit: int
    remaining: int
    reset: int


class QuotaUsedUp(RateLimited):
    """A refusal that tells the state of the limit, as every answer does."""

    def __init__(self, name: str, quota: Quota, retry_after_ms: int) -> None:
        message = f"more than {quota.limit} {name} requests in this minute"
        super().__init__(message, retry_after_ms=retry_after_ms)
        self.quota = quota


@dataclass(slots=True)
class _Share:
    """What this process holds of one counter."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    minute: int = -1
    left: int = 0
    taken: int | None = None

    def begin(self, minute: int) -> None:
        if self.minute != minute:
            self.minute, self.left, self.taken = minute, 0, None

    def remaining(self, limit: int) -> int:
        return max(0, limit - (self.taken or 0)) + self.left


class LimitService:
    """Counts requests under the names ``read``, ``write`` and ``upload``; a limit of 0 counts nothing."""

    def __init__(self, table: Table, register: TenantRegister, defaults: Mapping[str, int]) -> None:
        self._table = table
        self._register = register
        self._defaults = dict(defaults)
        self._shares: dict[tuple[str, str], _Share] = {}

    def take(self, principal: Principal, name: str) -> Quota:
        """Count one request. Raises QuotaUsedUp."""
        limit = self._limit_of(principal.tenant, name)
        now = now_ms()
        minute = now // 60_000
        reset = (minute + 1) * 60
        if limit == 0:
            return Quota(UNLIMITED, UNLIMITED, reset)
        share = self._shares.setdefault((principal.tenant, name), _Share())
        with share.lock:
            share.begin(minute)
            if share.left == 0:
                refusal = QuotaUsedUp(name, Quota(limit, 0, reset), max(reset * 1000 - now, 1))
                self._refill(share, Space(principal.tenant), name, limit, refusal)
            share.left -= 1
            return Quota(limit, share.remaining(limit), reset)

    def _limit_of(self, tenant_id: str, name: str) -> int:
        tenant = self._register.recent(tenant_id) if tenant_id else None
        if tenant is None:
            return 0
        return tenant.limits.get(name, self._defaults.get(name, 0))

    def _refill(self, share: _Share, space: Space, name: str, limit: int, refusal: QuotaUsedUp) -> None:
        if share.taken is not None and share.taken >= limit:
            raise refusal
        size = 1 if share.taken is None else max(1, (limit - share.taken) // _SHARE)
        key = space.key("limit", name, sk=f"{share.minute:010d}")
        room = writes.missing("taken") | writes.compare("taken", "<", limit)
        try:
            row = self._table.write(_counting(key, share.minute, size, room), returning=True)
        except ConditionFailed as failure:
            share.taken = limit
            raise refusal from failure
        share.taken = min(row["taken"], limit)
        share.left = size - max(0, row["taken"] - limit)


def _counting(key: Key, minute: int, size: int, room: writes.Condition) -> writes.Write:
    return writes.update(key, {"expires_at": minute * 60 + _KEPT_SECONDS}, room, add={"taken": size})
