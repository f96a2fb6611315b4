import pytest

from chalicelib.tenants.errors import KeyNotFound, TenantClosed, TenantNotFound
from chalicelib.wiring import Services
from tests.functional.conftest import ROOT_KEY


def test_a_new_tenants_key_tells_who_calls(services: Services) -> None:
    tenant, minted = services.tenants.create("acme")
    principal = services.keys.authenticate(minted.secret)
    assert principal is not None
    assert (principal.tenant, principal.key_id, principal.tenant_name) == (tenant.id, minted.key.id, "acme")
    assert principal.scopes == {"read", "write", "keys"}


def test_an_unknown_secret_opens_nothing(services: Services) -> None:
    assert services.keys.authenticate("lmb_" + "x" * 40) is None


def test_the_secret_is_stored_nowhere(services: Services) -> None:
    tenant, minted = services.tenants.create("acme")
    client = services.table._client
    stored = str(client.scan(TableName=services.table.name)["Items"])
    assert tenant.id in stored
    assert minted.secret not in stored


def test_a_revoked_key_is_refused_at_once(services: Services) -> None:
    tenant, minted = services.tenants.create("acme")
    other = services.keys.mint(tenant.id, "ci", ["read"])
    assert services.keys.authenticate(other.secret) is not None
    services.keys.revoke(tenant.id, other.key.id)
    assert services.keys.authenticate(other.secret) is None
    assert [key.id for key in services.keys.all(tenant.id)] == [minted.key.id]
    with pytest.raises(KeyNotFound):
        services.keys.revoke(tenant.id, other.key.id)


def test_a_revoked_key_is_refused_by_other_processes_when_their_memory_ends(
    services: Services, other_process: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, minted = services.tenants.create("acme")
    assert other_process.keys.authenticate(minted.secret) is not None
    services.keys.revoke(tenant.id, minted.key.id)
    later = __import__("time").monotonic() + 3.1
    monkeypatch.setattr(other_process.keys._recent, "_clock", lambda: later)
    assert other_process.keys.authenticate(minted.secret) is None


def test_a_key_of_another_tenant_cannot_be_revoked(services: Services) -> None:
    _, theirs = services.tenants.create("theirs")
    ours, _ = services.tenants.create("ours")
    with pytest.raises(KeyNotFound):
        services.keys.revoke(ours.id, theirs.key.id)
    assert services.keys.authenticate(theirs.secret) is not None


def test_the_first_use_of_a_key_is_noted(services: Services) -> None:
    tenant, minted = services.tenants.create("acme")
    assert services.keys.all(tenant.id)[0].last_used_at is None
    services.keys.authenticate(minted.secret)
    noted = services.keys.all(tenant.id)[0].last_used_at
    assert noted is not None
    services.keys.authenticate(minted.secret)
    assert services.keys.all(tenant.id)[0].last_used_at == noted


def test_a_suspended_tenants_keys_open_nothing_until_it_is_resumed(services: Services) -> None:
    tenant, minted = services.tenants.create("acme")
    assert services.keys.authenticate(minted.secret) is not None
    services.tenants.change(tenant.id, status="suspended")
    assert services.keys.authenticate(minted.secret) is None
    services.tenants.change(tenant.id, status="active")
    assert services.keys.authenticate(minted.secret) is not None


def test_a_closed_tenant_stays_closed(services: Services) -> None:
    tenant, minted = services.tenants.create("acme")
    assert services.tenants.close(tenant.id).status == "closed"
    assert services.tenants.close(tenant.id).status == "closed"
    assert services.keys.authenticate(minted.secret) is None
    assert services.keys.all(tenant.id) == []
    with pytest.raises(TenantClosed):
        services.tenants.change(tenant.id, status="active")


def test_rotation_leaves_one_new_key(services: Services) -> None:
    tenant, first = services.tenants.create("acme")
    services.keys.mint(tenant.id, "second", ["read"])
    rotated = services.tenants.rotate(tenant.id)
    assert services.keys.authenticate(first.secret) is None
    assert services.keys.authenticate(rotated.secret) is not None
    assert [key.id for key in services.keys.all(tenant.id)] == [rotated.key.id]


def test_an_unknown_tenant_cannot_be_changed(services: Services) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(TenantNotFound):
        services.tenants.change(unknown, name="x")
    with pytest.raises(TenantNotFound):
        services.tenants.close(unknown)


def test_only_the_operators_key_is_root(services: Services) -> None:
    _, minted = services.tenants.create("acme")
    assert services.keys.is_root(ROOT_KEY)
    assert not services.keys.is_root(minted.secret)
    assert not services.keys.is_root("")


def test_tenants_are_listed_newest_first_in_pages(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number in range(5):
        monkeypatch.setattr("chalicelib.tenants.service.now_ms", lambda number=number: 1_700_000_000_000 + number)
        made.append(services.tenants.create(f"t{number}")[0].name)
    first = services.tenants.page(2)
    second = services.tenants.page(2, first.next)
    third = services.tenants.page(2, second.next)
    seen = [tenant.name for page in (first, second, third) for tenant in page.items]
    assert seen == list(reversed(made))
    assert third.next is None
