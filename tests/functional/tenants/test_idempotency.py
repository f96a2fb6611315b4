from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.ids import new_id
from chalicelib.tenants.errors import KeyReused, RequestRunning
from chalicelib.tenants.idempotency import IdempotencyService, StoredAnswer
from chalicelib.wiring import Services

SCOPE = "POST /v1/agents"
ANSWER = StoredAnswer(201, '{"id":"agent_1"}')


@pytest.fixture
def tenant() -> str:
    return new_id()


def test_the_first_answer_is_given_again(services: Services, other_process: Services, tenant: str) -> None:
    assert services.idempotency.begin(tenant, SCOPE, "k", "body") is None
    services.idempotency.finish(tenant, SCOPE, "k", ANSWER)
    assert other_process.idempotency.begin(tenant, SCOPE, "k", "body") == ANSWER


def test_a_large_answer_is_given_again_unchanged(services: Services, tenant: str) -> None:
    answer = StoredAnswer(201, "x" * 700_000)
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    services.idempotency.finish(tenant, SCOPE, "k", answer)
    assert services.idempotency.begin(tenant, SCOPE, "k", "body") == answer


def test_another_body_under_the_same_key_is_refused(services: Services, tenant: str) -> None:
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    with pytest.raises(KeyReused):
        services.idempotency.begin(tenant, SCOPE, "k", "other body")
    services.idempotency.finish(tenant, SCOPE, "k", ANSWER)
    with pytest.raises(KeyReused):
        services.idempotency.begin(tenant, SCOPE, "k", "other body")


def test_a_repeat_while_the_first_runs_is_told_to_come_back(services: Services, tenant: str) -> None:
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    with pytest.raises(RequestRunning) as met:
        services.idempotency.begin(tenant, SCOPE, "k", "body")
    assert met.value.details is not None
    assert met.value.details["retry_after_ms"] > 0


def test_of_many_at_once_one_runs(services: Services, tenant: str) -> None:
    def attempt(_: int) -> bool:
        try:
            return services.idempotency.begin(tenant, SCOPE, "k", "body") is None
        except RequestRunning:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_after_an_error_a_repeat_is_tried_afresh(services: Services, tenant: str) -> None:
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    services.idempotency.abandon(tenant, SCOPE, "k")
    assert services.idempotency.begin(tenant, SCOPE, "k", "other body") is None


def test_a_request_that_never_ended_can_be_taken_up_after_a_minute(
    services: Services, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = "chalicelib.tenants.idempotency.now_ms"
    monkeypatch.setattr(clock, lambda: 4_000_000_000_000)
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    monkeypatch.setattr(clock, lambda: 4_000_000_061_000)
    with pytest.raises(KeyReused):
        services.idempotency.begin(tenant, SCOPE, "k", "other body")
    assert services.idempotency.begin(tenant, SCOPE, "k", "body") is None
    monkeypatch.setattr(clock, lambda: 4_000_000_062_000)
    with pytest.raises(RequestRunning):
        services.idempotency.begin(tenant, SCOPE, "k", "body")


def test_one_that_takes_long_keeps_its_key_until_it_has_ended(
    services: Services, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = "chalicelib.tenants.idempotency.now_ms"
    monkeypatch.setattr(clock, lambda: 4_000_000_000_000)
    services.idempotency.begin(tenant, SCOPE, "k", "body", owner="first")
    monkeypatch.setattr(clock, lambda: 4_000_000_040_000)
    services.idempotency.renew(tenant, SCOPE, "k", owner="first")
    services.idempotency.renew(tenant, SCOPE, "k", owner="another")
    monkeypatch.setattr(clock, lambda: 4_000_000_099_000)
    with pytest.raises(RequestRunning):
        services.idempotency.begin(tenant, SCOPE, "k", "body")
    services.idempotency.finish(tenant, SCOPE, "k", ANSWER)
    services.idempotency.renew(tenant, SCOPE, "k", owner="first")
    assert services.idempotency.begin(tenant, SCOPE, "k", "body") == ANSWER


def test_a_process_that_is_alone_takes_up_at_once_what_one_before_it_never_ended(
    services: Services, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, alone_since = "chalicelib.tenants.idempotency.now_ms", 4_000_000_002_500
    alone = IdempotencyService(services.table, services.documents, alone_since)
    monkeypatch.setattr(clock, lambda: alone_since - 2000)
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    monkeypatch.setattr(clock, lambda: alone_since)
    with pytest.raises(RequestRunning):
        services.idempotency.begin(tenant, SCOPE, "k", "body")
    with pytest.raises(KeyReused):
        alone.begin(tenant, SCOPE, "k", "other body")
    assert alone.begin(tenant, SCOPE, "k", "body") is None
    with pytest.raises(RequestRunning):
        alone.begin(tenant, SCOPE, "k", "body")


def test_an_answer_is_forgotten_after_a_day(services: Services, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = "chalicelib.tenants.idempotency.now_ms"
    monkeypatch.setattr(clock, lambda: 4_000_000_000_000)
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    services.idempotency.finish(tenant, SCOPE, "k", ANSWER)
    monkeypatch.setattr(clock, lambda: 4_000_000_000_000 + 24 * 3_600_000)
    assert services.idempotency.begin(tenant, SCOPE, "k", "other body") is None


def test_keys_of_other_tenants_and_routes_do_not_meet(services: Services, tenant: str) -> None:
    services.idempotency.begin(tenant, SCOPE, "k", "body")
    assert services.idempotency.begin(new_id(), SCOPE, "k", "other body") is None
    assert services.idempotency.begin(tenant, "POST /v1/environments", "k", "other body") is None
    assert services.idempotency.begin("", SCOPE, "k", "other body") is None


def test_a_request_that_ends_late_does_not_set_the_one_after_it_free(
    services: Services, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, slow, later = "chalicelib.tenants.idempotency.now_ms", new_id(), new_id()
    monkeypatch.setattr(clock, lambda: 4_000_000_000_000)
    services.idempotency.begin(tenant, SCOPE, "k", "body", owner=slow)
    monkeypatch.setattr(clock, lambda: 4_000_000_061_000)
    assert services.idempotency.begin(tenant, SCOPE, "k", "body", owner=later) is None
    services.idempotency.abandon(tenant, SCOPE, "k", owner=slow)
    with pytest.raises(RequestRunning):
        services.idempotency.begin(tenant, SCOPE, "k", "body", owner=new_id())
    services.idempotency.abandon(tenant, SCOPE, "k", owner=later)
    assert services.idempotency.begin(tenant, SCOPE, "k", "body", owner=new_id()) is None
