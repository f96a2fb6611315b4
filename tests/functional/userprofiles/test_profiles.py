"""Profiles on real storage: an external id has one winner, links run out, and nothing is left of what is deleted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.userprofiles.drafts import ProfileCreate, ProfileUpdate
from chalicelib.userprofiles.enrolment import LIFE_MS
from chalicelib.userprofiles.errors import ExternalIdTaken, LinkNotValid
from chalicelib.wiring import Services

HERE = Space(new_id())


def test_of_many_at_once_one_gets_an_external_id(services: Services) -> None:
    def create(_: int) -> bool:
        try:
            services.user_profiles.create(HERE, ProfileCreate(external_id="same"))
        except ExternalIdTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_tenants_have_external_ids_of_their_own(services: Services) -> None:
    for space in (HERE, Space(new_id())):
        assert services.user_profiles.create(space, ProfileCreate(external_id="same")).external_id == "same"


def test_changes_at_the_same_time_are_all_kept(services: Services) -> None:
    made = services.user_profiles.create(HERE, ProfileCreate())

    def change(number: int) -> None:
        sent = ProfileUpdate(metadata={f"k{number}": "x"}, name=f"n{number}")
        services.user_profiles.update(HERE, made.id, sent)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    after = services.user_profiles.get(HERE, made.id)
    assert set(after.metadata) == {"k0", "k1", "k2", "k3"}
    found = services.user_profiles.named_page(HERE, 10, None, ascending=True).items
    assert [one.name for one in found] == [after.name]


@pytest.fixture
def home(services: Services) -> Space:
    """A tenant's, who is known."""
    tenant, _ = services.tenants.create("Home")
    return Space(tenant.id)


def test_a_link_runs_out(services: Services, home: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    made = services.user_profiles.create(home, ProfileCreate())
    token = services.enrolment.token(home, made.id, now_ms() + LIFE_MS)
    assert services.enrolment.profile(token)[1] == made
    monkeypatch.setattr("chalicelib.userprofiles.enrolment.now_ms", lambda: now_ms() + LIFE_MS + 1)
    with pytest.raises(LinkNotValid):
        services.enrolment.enrol(token)
    assert services.user_profiles.get(home, made.id).enrolled_at is None


def test_a_link_of_a_suspended_tenant_is_not_valid_until_the_tenant_is_resumed(services: Services, home: Space) -> None:
    made = services.user_profiles.create(home, ProfileCreate())
    token = services.enrolment.token(home, made.id, now_ms() + LIFE_MS)
    services.tenants.change(home.tenant, status="suspended")
    for act in (services.enrolment.profile, services.enrolment.enrol):
        with pytest.raises(LinkNotValid):
            act(token)
    assert services.user_profiles.get(home, made.id).enrolled_at is None
    services.tenants.change(home.tenant, status="active")
    assert services.enrolment.enrol(token).enrolled_at is not None
    services.tenants.close(home.tenant)
    with pytest.raises(LinkNotValid):
        services.enrolment.profile(token)


def test_nothing_is_left_of_a_deleted_profile(services: Services) -> None:
    space = Space(new_id())
    made = services.user_profiles.create(space, ProfileCreate(name="Ada", external_id="ada"))
    services.user_profiles.update(space, made.id, ProfileUpdate(name=None))
    services.user_profiles.delete(space, made.id)
    for noun in ("user_profile_names", "user_profile_nameless"):
        assert services.table.query(space.partition(noun)).rows == []
    assert services.user_profiles.create(space, ProfileCreate(external_id="ada")).id != made.id
