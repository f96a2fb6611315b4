from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.errors import RateLimited
from chalicelib.core.principal import Principal
from chalicelib.tenants.limits import UNLIMITED, Quota, QuotaUsedUp
from chalicelib.wiring import Services

NOON = 4_000_000_040_000  # far ahead: rows whose time is over vanish from the table


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_clock(now_ms: int) -> None:
        monkeypatch.setattr("chalicelib.tenants.limits.now_ms", lambda: now_ms)

    set_clock(NOON)
    return set_clock


def principal_with(services: Services, **limits: int) -> Principal:
    _, minted = services.tenants.create("acme", limits)
    principal = services.keys.authenticate(minted.secret)
    assert principal is not None
    return principal


def test_the_quota_falls_and_then_refuses_until_the_minute_ends(services: Services, at: Callable[[int], None]) -> None:
    principal = principal_with(services, write=3)
    quotas = [services.limits.take(principal, "write") for _ in range(3)]
    assert [quota.remaining for quota in quotas] == [2, 1, 0]
    assert {quota.reset for quota in quotas} == {NOON // 60_000 * 60 + 60}
    at(NOON + 20_500)
    with pytest.raises(QuotaUsedUp) as refused:
        services.limits.take(principal, "write")
    assert refused.value.retry_after_ms == 60_000 - NOON % 60_000 - 20_500
    assert refused.value.quota == Quota(3, 0, NOON // 60_000 * 60 + 60)
    at(NOON + 60_000)
    assert services.limits.take(principal, "write").remaining == 2


def test_processes_share_one_counter(services: Services, other_process: Services, at: Callable[[int], None]) -> None:
    principal = principal_with(services, read=100)
    served = 0
    for process in (services, other_process) * 200:
        try:
            process.limits.take(principal, "read")
        except RateLimited:
            continue
        served += 1
    assert served == 100


def test_most_requests_ask_storage_nothing(services: Services, at: Callable[[int], None]) -> None:
    principal = principal_with(services, read=1000)
    calls = 0
    write = services.table.write

    def counted(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        return write(*args, **options)  # type: ignore[arg-type]

    services.table.write = counted  # type: ignore[method-assign, assignment]
    for _ in range(400):
        services.limits.take(principal, "read")
    assert calls <= 12


def test_threads_together_get_exactly_the_limit(services: Services, at: Callable[[int], None]) -> None:
    principal = principal_with(services, read=60)

    def attempt(_: int) -> bool:
        try:
            services.limits.take(principal, "read")
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(200))) == 60


def test_without_a_limit_nothing_is_counted(services: Services) -> None:
    principal = principal_with(services)
    services.table.write = None  # type: ignore[method-assign, assignment]
    quota = services.limits.take(principal, "read")
    assert (quota.limit, quota.remaining) == (UNLIMITED, UNLIMITED)


def test_the_operator_is_not_limited(services: Services) -> None:
    root = Principal("", "root", frozenset({"read"}))
    assert services.limits.take(root, "read").limit == UNLIMITED


def test_one_tenant_does_not_spend_anothers_quota(services: Services, at: Callable[[int], None]) -> None:
    one, two = principal_with(services, write=1), principal_with(services, write=1)
    services.limits.take(one, "write")
    with pytest.raises(RateLimited):
        services.limits.take(one, "write")
    assert services.limits.take(two, "write").remaining == 0
