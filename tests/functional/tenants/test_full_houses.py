"""Limits on how many things there may be: they hold however many are made at the very same moment, what is removed
makes room, and neither a refusal nor a repeat takes any."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import pytest

from chalicelib.agents.draft import AgentCreate
from chalicelib.agents.policy import PLAIN
from chalicelib.core.errors import LambentError
from chalicelib.core.ids import derive_id, new_id
from chalicelib.environments import service as environments
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.integrations import rules, store
from chalicelib.integrations.drafts import PublicationCreate, RuleCreate
from chalicelib.integrations.errors import BadSetup, TooManyPublications
from chalicelib.modelcards import store as card_store
from chalicelib.modelcards.draft import CardCreate
from chalicelib.modelcards.errors import TooManyCards
from chalicelib.signin import members
from chalicelib.signin.errors import TooManyTenants
from chalicelib.signin.members import Memberships
from chalicelib.signin.model import User
from chalicelib.signin.store import UserStore
from chalicelib.spending import limit_store
from chalicelib.spending.errors import TooManyLimits
from chalicelib.spending.limit_draft import LimitCreate
from chalicelib.storage.keys import Key, Space
from chalicelib.vaults.draft import CredentialCreate, VaultCreate
from chalicelib.vaults.errors import TooManyCredentials
from chalicelib.vaults.model import MOST_CREDENTIALS
from chalicelib.webhooks.drafts import EndpointCreate
from chalicelib.webhooks.errors import TooManyEndpoints
from chalicelib.webhooks.model import MOST_ENDPOINTS
from chalicelib.wiring import Services

MOST, AT_ONCE = 12, 20
"""Of those whose usual limit would make the tests slow."""
Ids = Callable[[], set[str]]


@dataclass(frozen=True)
class House:
    """Where only so many may be: ``make`` makes one with an id, and tells the id of what there is then."""

    most: int
    full: type[LambentError]
    make: Callable[[str], str]
    remove: Callable[[str], object]
    ids: Ids


def _webhooks(services: Services, space: Space) -> House:
    endpoints = services.webhook_endpoints
    endpoints._check_url = lambda _url: None
    wanted = EndpointCreate(url="https://example.com/hook", events=["*"])
    return House(
        MOST_ENDPOINTS,
        TooManyEndpoints,
        lambda own: endpoints.create(space, wanted, own)[0].id,
        lambda own: endpoints.delete(space, own),
        lambda: {one.id for one in endpoints.all(space)},
    )


def _limits(services: Services, space: Space, scope: str, most: int) -> House:
    limits = services.limiting.limits

    def make(own: str) -> str:
        about = {"end_user": own} if scope == "end_user" else {}
        wanted = LimitCreate.model_validate({"scope": scope, "blocked": False} | about)
        return limits.create(space, wanted, own).id

    return House(
        most,
        TooManyLimits,
        make,
        lambda own: limits.delete(space, own),
        lambda: {one.id for one in limits.all(space)},
    )


def _all_limits(services: Services, space: Space) -> House:
    return _limits(services, space, "end_user", MOST)


def _limits_alike(services: Services, space: Space) -> House:
    return _limits(services, space, "tenant", limit_store.MOST_ALIKE)


def _cards(services: Services, space: Space) -> House:
    cards = services.model_cards

    def make(own: str) -> str:
        return cards.create(space, CardCreate(model_id=own, provider="oai", api_key="k" * 20), own).id

    return House(
        MOST, TooManyCards, make, lambda own: cards.delete(space, own), lambda: set(_card_ids(services, space))
    )


def _card_ids(services: Services, space: Space) -> list[str]:
    return [card.id for card in services.model_cards.roster(space).cards.values()]


def _credentials(services: Services, space: Space) -> House:
    vault, credentials = services.vaults.create(space, VaultCreate(display_name="Keys")).id, services.credentials

    def make(own: str) -> str:
        auth = {"type": "static_bearer", "token": "t", "mcp_server_url": f"https://{own}.example/mcp"}
        return credentials.create(space, vault, CredentialCreate.model_validate({"auth": auth}), own).id

    return House(
        MOST_CREDENTIALS,
        TooManyCredentials,
        make,
        lambda own: credentials.delete(space, vault, own),
        lambda: {row["sk"][2:] for row in services.table.walk(space.partition("vault", vault), low="C#", high="C#~")},
    )


def _publisher(services: Services, space: Space) -> Callable[[str], str]:
    agent = services.agents.create(space, AgentCreate(name="Test", model="claude-test", tools=[]), PLAIN)
    environment = services.environments.create(space, EnvironmentCreate(name="Test"), environments.PLAIN)
    sent, named = PublicationCreate(agent_id="-", environment_id="-"), (agent.id, environment.id, None)
    publications = services.integrations.publications
    return lambda own: publications.create(space, "linear", sent, named, created_by="ak_1", own_id=own).id


def _publications(services: Services, space: Space) -> House:
    publications = services.integrations.publications
    return House(
        MOST,
        TooManyPublications,
        _publisher(services, space),
        lambda own: publications.end(space, "linear", own),
        lambda: {one.id for one in publications.all(space, "linear")},
    )


def _rules(services: Services, space: Space) -> House:
    publication, kept = _publisher(services, space)(new_id()), services.integrations.rules
    wanted = RuleCreate(label="bug")
    return House(
        MOST,
        BadSetup,
        lambda own: kept.add(space, publication, wanted, own).id,
        lambda own: kept.delete(space, publication, own),
        lambda: {one.id for one in kept.all(space, publication)},
    )


def _tenants(services: Services, space: Space) -> House:
    user = User(new_id(), "google", "1", "a@example.com", "Ann", 1)
    users = UserStore(services.table)
    membership = Memberships(users, services.tenant_register, services.keys, makes_tenants=True)
    return House(
        MOST,
        TooManyTenants,
        lambda own: membership.make_tenant(user, "Acme", own).id,
        lambda own: membership.remove(derive_id("tenant", user.id, own), user.id),
        lambda: {one.tenant for one in users.memberships(user.id)},
    )


HOUSES = (_webhooks, _all_limits, _limits_alike, _cards, _credentials, _publications, _rules, _tenants)


@pytest.fixture(params=HOUSES, ids=lambda one: one.__name__.strip("_"))
def house(request: pytest.FixtureRequest, services: Services, monkeypatch: pytest.MonkeyPatch) -> House:
    """A tenant's, still empty."""
    monkeypatch.setattr(limit_store, "MOST_LIMITS", MOST)
    monkeypatch.setattr(card_store, "MOST_CARDS", MOST)
    monkeypatch.setattr(store, "MOST_PUBLICATIONS", MOST)
    monkeypatch.setattr(rules, "_MOST", MOST)
    monkeypatch.setattr(members, "MOST_TENANTS", MOST)
    space = Space(services.tenants.create("acme")[0].id)
    made: House = request.param(services, space)
    return made


def _made(house: House, number: int) -> list[str]:
    """So many, each with an id of its own."""
    ids = [new_id() for _ in range(number)]
    for own in ids:
        house.make(own)
    return ids


def _at_once(house: House, own: Callable[[], str] = new_id) -> list[str | None]:
    """What so many that begin at the very same moment get; None for a refusal."""
    together = Barrier(AT_ONCE)

    def make(_number: int) -> str | None:
        wanted = own()
        together.wait()
        try:
            return house.make(wanted)
        except house.full:
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(make, range(AT_ONCE)))


def test_of_many_that_are_made_at_once_as_many_are_as_there_is_room_for(house: House) -> None:
    before = _made(house, house.most - 1)
    made = [one for one in _at_once(house) if one is not None]
    assert len(made) == 1
    assert len(house.ids()) == house.most
    house.remove(before[0])
    house.remove(before[1])
    assert len([one for one in _at_once(house) if one is not None]) == 2
    assert len(house.ids()) == house.most


def test_where_there_is_nothing_yet_no_more_are_made_at_once_than_there_may_be(house: House) -> None:
    made = [one for one in _at_once(house) if one is not None]
    assert len(made) == min(house.most, AT_ONCE)
    assert house.ids() == set(made)


def test_a_repeat_takes_no_room_and_needs_none(house: House) -> None:
    own = new_id()
    (made,) = set(_at_once(house, lambda: own))
    assert made is not None
    assert house.ids() == {made}
    _made(house, house.most - 1)
    assert house.make(own) == made
    with pytest.raises(house.full):
        house.make(new_id())


def test_what_is_refused_takes_no_room_and_what_is_gone_gives_none_twice(house: House) -> None:
    ids = _made(house, house.most)
    for _ in range(3):
        with pytest.raises(house.full):
            house.make(new_id())
    house.remove(ids[0])
    with pytest.raises(LambentError):
        house.remove(ids[0])
    _made(house, 1)
    with pytest.raises(house.full):
        house.make(new_id())


def test_what_was_never_counted_or_is_forgotten_is_counted_afresh(house: House, services: Services) -> None:
    ids = _made(house, house.most - 1)
    _forget(services)
    assert len([one for one in _at_once(house) if one is not None]) == 1
    _forget(services)
    house.remove(ids[0])
    assert len([one for one in _at_once(house) if one is not None]) == 1
    assert len(house.ids()) == house.most


def _forget(services: Services) -> None:
    scanned = services.table._client.scan(TableName=services.table.name)["Items"]
    services.table.delete_many([Key(row["pk"]["S"], row["sk"]["S"]) for row in scanned if row["sk"]["S"] == "ROOM"])
