"""What a process knows of the things a tenant has of its own, how little it reads to know it, and how soon it learns of
a change."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.modelcards.draft import CardCreate, CardUpdate, PricePut
from chalicelib.modelcards.errors import ModelIdTaken
from chalicelib.spending.errors import SpenderBlocked
from chalicelib.spending.limit_draft import LimitCreate, LimitUpdate
from chalicelib.spending.limits import Spender
from chalicelib.storage.keys import Space
from chalicelib.tenants.holdings import KINDS, SETTLED_MS, Counts, Kind
from chalicelib.tenants.knowing import Known
from chalicelib.webhooks.drafts import EndpointCreate, EndpointUpdate
from chalicelib.webhooks.happening import Happening
from chalicelib.wiring import Services
from tests.functional.runs.test_cost import Meter
from tests.support.clock import Clock

WHO = Spender((new_id(),))
SETTLED = SETTLED_MS / 1000 + 1


@pytest.fixture
def clock(services: Services, other_process: Services) -> Clock:
    return Clock(services, other_process)


@pytest.fixture
def space(services: Services, clock: Clock) -> Space:
    """A tenant that was made an hour ago, and has nothing of its own."""
    tenant, _ = services.tenants.create("acme")
    clock.pass_by(3600)
    return Space(tenant.id)


def card(services: Services, space: Space, name: str = "mine", **more: Any) -> str:
    wanted = {"model_id": name, "provider": "oai", "api_key": "k" * 20} | more
    return services.model_cards.create(space, CardCreate.model_validate(wanted)).id


def limit(services: Services, space: Space, **fields: Any) -> str:
    return services.limiting.limits.create(space, LimitCreate.model_validate({"scope": "tenant"} | fields)).id


def endpoint(services: Services, space: Space) -> str:
    wanted = EndpointCreate(url="https://example.com/hook", events=["*"])
    services.webhook_endpoints._check_url = lambda _url: None
    return services.webhook_endpoints.create(space, wanted)[0].id


def chain(services: Services, space: Space) -> tuple[str, ...]:
    return services.serving.open(space).chain("mine")


def blocked(services: Services, space: Space) -> bool:
    try:
        services.limiting.purse.demand_open(space, lambda: WHO)
    except SpenderBlocked:
        return True
    return False


def heard(services: Services, space: Space) -> bool:
    return services.webhooks.tell(space, Happening("vault.created", new_id())) != []


def everything(services: Services, space: Space) -> tuple[Any, ...]:
    return chain(services, space), blocked(services, space), heard(services, space)


NOTHING = (("mine",), False, False)


def read(services: Services, work: Callable[[], Any]) -> list[str]:
    """What the table is asked for meanwhile."""
    meter = Meter().attach(services)
    work()
    return sorted(meter.calls)


def test_the_reading_of_a_key_and_its_tenant_tells_all_that_is_to_be_known_of_a_tenant_without_anything(
    services: Services, other_process: Services, clock: Clock
) -> None:
    tenant, minted = services.tenants.create("acme")
    space = Space(tenant.id)

    def met() -> None:
        other_process.keys.authenticate(minted.secret)
        assert everything(other_process, space) == NOTHING

    assert read(other_process, met) == ["BatchGetItem", "GetItem", "UpdateItem"], "the first use of a key is noted"
    assert read(other_process, met) == []
    clock.pass_by(4)
    assert read(other_process, met) == ["BatchGetItem"]
    services.keys.revoke(tenant.id, minted.key.id)
    clock.pass_by(4)
    assert other_process.keys.authenticate(minted.secret) is None


def test_what_a_tenant_has_is_read_again_only_after_a_change(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    card(services, space, fallbacks=["f"])
    limit(services, space, blocked=True)
    endpoint(services, space)
    clock.pass_by(SETTLED)
    all_of_it = (("mine", "f"), True, True)
    assert everything(other_process, space) == all_of_it
    assert read(other_process, lambda: everything(other_process, space)) == []
    clock.pass_by(60)

    def look() -> None:
        assert everything(other_process, space) == all_of_it

    assert read(other_process, look) == ["GetItem"]


@pytest.mark.parametrize(
    ("make", "after"),
    [
        (lambda services, space: card(services, space, fallbacks=["f"]), (("mine", "f"), False, False)),
        (lambda services, space: limit(services, space, blocked=True), (("mine",), True, False)),
        (endpoint, (("mine",), False, True)),
    ],
    ids=KINDS,
)
def test_the_first_thing_is_known_at_once_where_it_was_made_and_elsewhere_in_ten_seconds(
    services: Services,
    other_process: Services,
    space: Space,
    clock: Clock,
    make: Callable[[Services, Space], str],
    after: tuple[Any, ...],
) -> None:
    assert everything(services, space) == everything(other_process, space) == NOTHING
    clock.pass_by(0.5)
    make(services, space)
    assert everything(services, space) == after
    assert everything(other_process, space) == NOTHING
    clock.pass_by(9.5)
    assert everything(other_process, space) == after


def test_a_change_of_cards_and_limits_is_known_elsewhere_in_a_second(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    own, bound = card(services, space), limit(services, space, blocked=False)
    clock.pass_by(SETTLED)
    assert everything(other_process, space) == NOTHING
    services.model_cards.update(space, own, CardUpdate.model_validate({"fallbacks": ["f"]}))
    services.limiting.limits.update(space, bound, LimitUpdate.model_validate({"blocked": True}))
    assert everything(services, space) == (("mine", "f"), True, False)
    clock.pass_by(1)
    assert everything(other_process, space) == (("mine", "f"), True, False)
    services.limiting.limits.delete(space, bound)
    clock.pass_by(1)
    assert not blocked(other_process, space)


def test_a_change_of_which_only_the_count_was_seen_is_known_soon_nevertheless(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    services.table.transact([services.holdings.changed(space, "limits")])
    assert not blocked(other_process, space)
    row = {"pk": space.partition("spending-limits"), "sk": new_id(), "scope": "tenant", "period": "total"}
    moments = {"by_operator": False, "created_at": 1, "updated_at": 1}
    services.table.put_many([row | moments | {"blocked": True}])
    assert not blocked(other_process, space)
    clock.pass_by(10)
    assert blocked(other_process, space)


def test_what_was_read_before_a_change_of_ones_own_is_not_believed_after_it(
    services: Services, space: Space, clock: Clock
) -> None:
    limits, switched = Known(services.holdings, "limits", lambda _: blocked_rows(services, space), 0), False

    def slowly(_space: Space) -> int:
        nonlocal switched
        found = blocked_rows(services, space)
        if not switched:
            switched = True
            clock.pass_by(0.001)
            limit(services, space, blocked=True)
        return found

    limit(services, space, max_list_cost={"amount": "100", "currency": "USD"})
    clock.pass_by(SETTLED)
    limits._load = slowly
    assert limits.of(space) == 0
    assert limits.of(space) == 1


def blocked_rows(services: Services, space: Space) -> int:
    return sum(row["blocked"] for row in services.table.walk(space.partition("spending-limits")))


def test_what_was_loaded_before_a_change_and_kept_after_it_does_not_last(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    limit(services, space, max_list_cost={"amount": "100", "currency": "USD"})
    clock.pass_by(SETTLED)
    known = Known(other_process.holdings, "limits", lambda _: 0, 0)

    def overtaken(_space: Space) -> int:
        found = blocked_rows(other_process, space)
        limit(services, space, blocked=True)
        known._load = lambda _space: blocked_rows(other_process, space)
        return found

    known._load = overtaken
    assert known.of(space) == 0
    clock.pass_by(10)
    assert known.of(space) == 1


def test_a_doorbell_brings_what_its_ringer_knows_and_spares_the_worker_the_reading(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    card(services, space, fallbacks=["f"])
    clock.pass_by(SETTLED)
    assert services.holdings.told(space) is None
    chain(services, space)
    told = services.holdings.told(space)
    chain(other_process, space)
    clock.pass_by(0.1)
    other_process.holdings.hear(space, told)
    assert read(other_process, lambda: everything(other_process, space)) == []
    clock.pass_by(60)
    chain(services, space)
    other_process.holdings.hear(space, services.holdings.told(space))
    assert read(other_process, lambda: everything(other_process, space)) == []
    clock.pass_by(60)
    assert services.holdings.told(space) is None


def test_a_late_doorbell_takes_back_nothing(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    everything(services, space)
    told = services.holdings.told(space)
    for process in (services, other_process):
        clock.pass_by(1)
        limit(process, space, blocked=True)
        process.holdings.hear(space, told)
        assert blocked(process, space)
        clock.pass_by(1)
        assert blocked(process, space)
        process.holdings.hear(space, told)
        assert blocked(process, space)


@pytest.mark.parametrize(
    "told", [None, [], "x", {}, {"at": "1"}, {"limits": 0}, {"at": 10**15, "limits": 0}, {"at": 1, "limits": None}]
)
def test_what_cannot_have_been_told_is_not_believed(
    services: Services, space: Space, clock: Clock, told: object
) -> None:
    limit(services, space, blocked=True)
    services.holdings.hear(space, told)
    assert blocked(services, space)


def test_a_clock_that_is_set_back_keeps_nothing_from_being_known(
    services: Services, other_process: Services, space: Space, clock: Clock
) -> None:
    assert not blocked(other_process, space)
    clock.pass_by(-3600)
    limit(services, space, blocked=True)
    assert blocked(other_process, space)


def test_what_one_tenant_has_is_nothing_to_another(services: Services, space: Space, clock: Clock) -> None:
    theirs = Space(services.tenants.create("theirs")[0].id)
    everything(services, theirs)
    limit(services, space, blocked=True)
    card(services, space, fallbacks=["f"])
    endpoint(services, space)
    clock.pass_by(SETTLED)
    assert everything(services, space) == (("mine", "f"), True, True)
    assert everything(services, theirs) == NOTHING


def test_of_a_tenant_without_counts_nothing_is_taken_for_granted(
    services: Services, other_process: Services, clock: Clock
) -> None:
    space = Space(new_id())
    services.table.put_many(
        [
            {"pk": space.partition("spending-limits"), "sk": new_id(), "scope": "tenant", "period": "total"}
            | {"blocked": True, "by_operator": False, "created_at": 1, "updated_at": 1}
        ]
    )
    assert blocked(services, space)
    assert chain(services, space) == ("mine",)
    card(other_process, space, fallbacks=["f"])
    clock.pass_by(10)
    assert chain(services, space) == ("mine", "f")


def _counted(services: Services, space: Space, kind: Kind, work: Callable[[], Any]) -> int:
    """How often a kind counted as changed meanwhile."""
    before = services.holdings.read(space).changes[kind]
    work()
    return services.holdings.read(space).changes[kind] - before


def test_every_change_of_cards_and_prices_is_counted(services: Services, space: Space) -> None:
    cards, prices = services.model_cards, services.model_prices
    price = PricePut.model_validate({"model": "m", "input": "1", "output": "1"})
    own = card(services, space)
    steps: list[Callable[[], Any]] = [
        lambda: card(services, space, "another"),
        lambda: cards.update(space, own, CardUpdate.model_validate({"model_id": "renamed", "api_key": "n" * 20})),
        lambda: cards.archive(space, own),
        lambda: cards.delete(space, own),
        lambda: prices.put(space, price),
        lambda: prices.put(space, price),
        lambda: prices.forget(space, "m"),
    ]
    assert [_counted(services, space, "cards", step) for step in steps] == [1] * len(steps)

    def refused() -> None:
        with pytest.raises(ModelIdTaken):
            card(services, space, "another")

    assert _counted(services, space, "cards", refused) == 0


def test_every_change_of_limits_is_counted(services: Services, space: Space) -> None:
    limits, own = services.limiting.limits, limit(services, space, blocked=False)
    steps: list[Callable[[], Any]] = [
        lambda: limit(services, space, blocked=True),
        lambda: limits.update(space, own, LimitUpdate.model_validate({"blocked": True})),
        lambda: limits.delete(space, own),
    ]
    assert [_counted(services, space, "limits", step) for step in steps] == [1] * len(steps)


def test_every_change_of_endpoints_is_counted(services: Services, space: Space) -> None:
    endpoints, own = services.webhook_endpoints, endpoint(services, space)
    steps: list[Callable[[], Any]] = [
        lambda: endpoint(services, space),
        lambda: endpoints.update(space, own, EndpointUpdate.model_validate({"events": ["agent.*"]})),
        lambda: endpoints.disable(space, endpoints.get(space, own), "failing"),
        lambda: endpoints.delete(space, own),
    ]
    assert [_counted(services, space, "webhooks", step) for step in steps] == [1] * len(steps)


def test_counts_travel_whole() -> None:
    counts = Counts(5, 3, {"cards": 1, "limits": 0})
    assert Counts.heard(counts.told()) == counts
