"""Vaults and credentials on real storage: keys are unique, twenty fit, archives cascade, races have one winner."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.core.errors import LambentError
from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.vaults.draft import CredentialCreate, CredentialUpdate, VaultCreate, VaultUpdate
from chalicelib.vaults.errors import (
    CredentialArchived,
    CredentialKeyFixed,
    CredentialKeyTaken,
    CredentialNotFound,
    TooManyCredentials,
    VaultArchived,
    VaultNotFound,
)
from chalicelib.vaults.model import MOST_CREDENTIALS, Credential, Vault
from chalicelib.vaults.service import VaultFilter
from chalicelib.wiring import Services

HERE, THERE = Space("tenant-a"), Space("tenant-b")


@pytest.fixture
def vault(services: Services) -> Vault:
    return services.vaults.create(HERE, VaultCreate(display_name="Keys"))


def bearer(url: str = "https://a.example/mcp", token: str = "canary") -> CredentialCreate:
    """A bearer token."""
    return CredentialCreate.model_validate({"auth": {"type": "static_bearer", "mcp_server_url": url, "token": token}})


def variable(name: str = "KEY", value: str = "canary", **more: Any) -> CredentialCreate:
    """A variable for sandboxes."""
    auth = {"type": "environment_variable", "secret_name": name, "secret_value": value}
    return CredentialCreate.model_validate({"auth": auth | {"networking": {"type": "unrestricted"}} | more})


def rotation(**auth: Any) -> CredentialUpdate:
    """A new secret."""
    return CredentialUpdate.model_validate({"auth": auth})


def listed(services: Services, vault_id: str, *, archived: bool = False) -> list[Credential]:
    """A vault's credentials as a list shows them."""
    return services.credentials.page(HERE, vault_id, Window(100), active=True, archived=archived).items


def stored(services: Services, vault_id: str) -> list[dict[str, Any]]:
    """All rows of a vault."""
    return list(services.table.walk(HERE.partition("vault", vault_id)))


def test_a_vault_is_made_read_and_changed(services: Services, vault: Vault) -> None:
    assert services.vaults.get(HERE, vault.id) == vault
    sent = VaultUpdate.model_validate({"name": "Other", "metadata": {"a": "b"}})
    after = services.vaults.update(HERE, vault.id, sent, blank_removes=False)
    assert (after.display_name, after.metadata, after.revision) == ("Other", {"a": "b"}, 2)
    again = services.vaults.update(HERE, vault.id, sent, blank_removes=False)
    assert again == after
    assert services.vaults.get(HERE, vault.id) == after


def test_an_id_that_is_there_already_gives_the_vault_that_has_it(services: Services) -> None:
    vault_id = new_id()
    first = services.vaults.create(HERE, VaultCreate(display_name="a"), vault_id)
    assert services.vaults.create(HERE, VaultCreate(display_name="a"), vault_id) == first


def test_another_tenants_vault_is_unknown(services: Services, vault: Vault) -> None:
    made = services.credentials.create(HERE, vault.id, bearer())
    with pytest.raises(VaultNotFound):
        services.vaults.get(THERE, vault.id)
    with pytest.raises(VaultNotFound):
        services.credentials.get(THERE, vault.id, made.id)
    with pytest.raises(VaultNotFound):
        services.credentials.create(THERE, vault.id, bearer())
    assert services.vaults.injections(THERE, [vault.id]) == ({}, ())


def test_a_secret_is_stored_sealed_and_comes_back(services: Services, vault: Vault) -> None:
    made = services.credentials.create(HERE, vault.id, bearer(token="canary-in-the-table"))
    assert services.credentials.secrets(HERE, made) == {"token": "canary-in-the-table"}
    assert "canary" not in repr(stored(services, vault.id))
    assert "lbs1." in repr(stored(services, vault.id))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (bearer("https://a.example/mcp"), bearer("https://A.example:443/mcp/")),
        (
            bearer("https://a.example/mcp"),
            CredentialCreate.model_validate(
                {"auth": {"type": "mcp_oauth", "mcp_server_url": "https://a.example/mcp", "access_token": "t"}}
            ),
        ),
        (variable("KEY"), variable("KEY", "other")),
    ],
    ids=["address", "address of another kind", "variable"],
)
def test_a_key_stands_once_among_the_active(
    services: Services, vault: Vault, first: CredentialCreate, second: CredentialCreate
) -> None:
    made = services.credentials.create(HERE, vault.id, first)
    with pytest.raises(CredentialKeyTaken):
        services.credentials.create(HERE, vault.id, second)
    services.credentials.archive(HERE, vault.id, made.id)
    replaced = services.credentials.create(HERE, vault.id, second)
    with pytest.raises(CredentialKeyTaken):
        services.credentials.create(HERE, vault.id, first)
    services.credentials.delete(HERE, vault.id, replaced.id)
    assert services.credentials.create(HERE, vault.id, first).archived_at is None


def test_a_vault_holds_twenty(services: Services, vault: Vault) -> None:
    made = [services.credentials.create(HERE, vault.id, variable(f"K{n}")) for n in range(MOST_CREDENTIALS)]
    with pytest.raises(TooManyCredentials):
        services.credentials.create(HERE, vault.id, variable("ONE_MORE"))
    services.credentials.archive(HERE, vault.id, made[0].id)
    services.credentials.create(HERE, vault.id, variable("ONE_MORE"))
    with pytest.raises(TooManyCredentials):
        services.credentials.create(HERE, vault.id, variable("AND_ANOTHER"))


def test_of_many_that_come_at_once_twenty_get_in(services: Services, vault: Vault) -> None:
    def add(number: int) -> bool:
        try:
            services.credentials.create(HERE, vault.id, variable(f"K{number}"))
        except TooManyCredentials:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(add, range(30))) == MOST_CREDENTIALS
    assert services.vaults.get(HERE, vault.id).active == MOST_CREDENTIALS


def test_of_many_with_one_key_one_gets_in(services: Services, vault: Vault) -> None:
    def add(number: int) -> str:
        try:
            return services.credentials.create(HERE, vault.id, variable("KEY", f"v{number}")).id
        except CredentialKeyTaken:
            return ""

    with ThreadPoolExecutor(6) as pool:
        winners = [found for found in pool.map(add, range(12)) if found]
    assert len(winners) == 1
    assert [one.id for one in listed(services, vault.id)] == winners


def test_a_repeated_create_gives_the_first_credential(services: Services, vault: Vault) -> None:
    credential_id = new_id()
    first = services.credentials.create(HERE, vault.id, bearer(), credential_id)
    assert services.credentials.create(HERE, vault.id, bearer(), credential_id) == first
    archived = services.credentials.archive(HERE, vault.id, credential_id)
    assert services.credentials.create(HERE, vault.id, bearer(), credential_id) == archived


def test_a_rotation_replaces_the_secret_and_nothing_else(services: Services, vault: Vault) -> None:
    made = services.credentials.create(HERE, vault.id, variable(value="old"))
    after = services.credentials.update(HERE, vault.id, made.id, rotation(secret_value="new"), blank_removes=False)
    assert services.credentials.secrets(HERE, after) == {"secret_value": "new"}
    assert after.auth == made.auth
    assert after.updated_at >= made.updated_at
    with pytest.raises(CredentialKeyFixed):
        services.credentials.update(HERE, vault.id, made.id, rotation(secret_name="OTHER"), blank_removes=False)


def test_secrets_that_were_not_sent_stay(services: Services, vault: Vault) -> None:
    auth = {"type": "cap_cli", "cli_id": "gh", "token": "one", "extras": {"A": "two"}}
    made = services.credentials.create(HERE, vault.id, CredentialCreate.model_validate({"auth": auth}))
    after = services.credentials.update(HERE, vault.id, made.id, rotation(token="three"), blank_removes=False)
    assert services.credentials.secrets(HERE, after) == {"token": "three", "extras.A": "two"}


def test_an_archived_credential_keeps_no_secret_and_takes_no_change(services: Services, vault: Vault) -> None:
    made = services.credentials.create(HERE, vault.id, bearer())
    archived = services.credentials.archive(HERE, vault.id, made.id)
    assert services.credentials.archive(HERE, vault.id, made.id) == archived
    assert services.credentials.get(HERE, vault.id, made.id) == archived
    assert "lbs1." not in repr(stored(services, vault.id))
    with pytest.raises(CredentialArchived):
        services.credentials.update(HERE, vault.id, made.id, rotation(token="new"), blank_removes=False)
    assert listed(services, vault.id) == []
    assert [one.id for one in listed(services, vault.id, archived=True)] == [made.id]


def test_archiving_a_vault_archives_what_is_in_it(services: Services, vault: Vault) -> None:
    made = [services.credentials.create(HERE, vault.id, variable(f"K{n}")) for n in range(MOST_CREDENTIALS)]
    archived = services.vaults.archive(HERE, vault.id)
    assert archived.archived_at is not None
    assert services.vaults.archive(HERE, vault.id).archived_at == archived.archived_at
    assert all(services.credentials.get(HERE, vault.id, one.id).archived_at for one in made)
    assert "lbs1." not in repr(stored(services, vault.id))
    with pytest.raises(VaultArchived):
        services.credentials.create(HERE, vault.id, bearer())
    with pytest.raises(VaultArchived):
        services.vaults.update(HERE, vault.id, VaultUpdate(display_name="x"), blank_removes=False)
    with pytest.raises(VaultArchived):
        services.vaults.check(HERE, [vault.id], "vault_ids")


def test_deleting_a_vault_leaves_no_row(services: Services, vault: Vault) -> None:
    kept = services.credentials.create(HERE, vault.id, variable("A"))
    gone = services.credentials.create(HERE, vault.id, variable("B"))
    services.credentials.archive(HERE, vault.id, gone.id)
    services.vaults.delete(HERE, vault.id)
    assert stored(services, vault.id) == []
    for call in (
        lambda: services.vaults.get(HERE, vault.id),
        lambda: services.vaults.delete(HERE, vault.id),
        lambda: services.credentials.get(HERE, vault.id, kept.id),
        lambda: services.vaults.check(HERE, [vault.id], "vault_ids"),
    ):
        with pytest.raises(VaultNotFound):
            call()


def test_archiving_while_credentials_come_leaves_none_active(services: Services, vault: Vault) -> None:
    def add(number: int) -> None:
        try:
            services.credentials.create(HERE, vault.id, variable(f"K{number}"))
        except VaultArchived:
            return

    with ThreadPoolExecutor(5) as pool:
        adding = pool.map(add, range(12))
        archived = services.vaults.archive(HERE, vault.id)
        list(adding)
    assert archived.archived_at is not None
    assert services.vaults.injections(HERE, [vault.id]) == ({}, ())
    assert services.vaults.get(HERE, vault.id).active == 0


def test_lists_are_newest_first_and_hide_what_is_archived(services: Services) -> None:
    made = [services.vaults.create(HERE, VaultCreate(display_name=f"Vault {n}")) for n in range(5)]
    services.vaults.archive(HERE, made[2].id)

    def names(**wanted: Any) -> list[str]:
        found = services.vaults.page(HERE, Window(100), VaultFilter(**wanted)).items
        return sorted(one.display_name for one in found)

    assert names() == ["Vault 0", "Vault 1", "Vault 3", "Vault 4"]
    assert names(active=False, archived=True) == ["Vault 2"]
    assert names(archived=True, name_part="ULT 2") == ["Vault 2"]
    first = services.vaults.page(HERE, Window(2), VaultFilter(archived=True))
    second = services.vaults.page(HERE, Window(2, after=first.next), VaultFilter(archived=True))
    last = services.vaults.page(HERE, Window(2, after=second.next), VaultFilter(archived=True))
    seen = [one for page in (first, second, last) for one in page.items]
    assert sorted(one.id for one in seen) == sorted(one.id for one in made)
    assert [one.created_at for one in seen] == sorted((one.created_at for one in made), reverse=True)
    assert last.next is None


def test_a_secret_sent_with_a_vault_becomes_one_credential_that_is_replaced(services: Services) -> None:
    sent = VaultCreate.model_validate({"name": "Mine", "secret": "one", "host": "a.example"})
    vault = services.vaults.create(HERE, sent)
    (made,) = listed(services, vault.id)
    assert (made.display_name, services.credentials.secrets(HERE, made)) == ("Mine", {"token": "one"})
    services.vaults.update(HERE, vault.id, VaultUpdate.model_validate({"secret": "two"}), blank_removes=False)
    (after,) = listed(services, vault.id)
    assert (after.id, services.credentials.secrets(HERE, after)) == (made.id, {"token": "two"})
    services.credentials.archive(HERE, vault.id, made.id)
    again = services.vaults.update(HERE, vault.id, VaultUpdate.model_validate({"secret": "three"}), blank_removes=False)
    (fresh,) = listed(services, vault.id)
    assert (again.active, again.inline) == (1, fresh.id)
    assert fresh.id != made.id


def test_a_secret_sent_with_a_vault_stays_where_it_is_bound(services: Services) -> None:
    vault = services.vaults.create(HERE, VaultCreate.model_validate({"name": "M", "secret": "s", "host": "a.example"}))
    sent = VaultUpdate.model_validate({"name": "New", "secret": "two", "host": "b.example"})
    with pytest.raises(CredentialKeyFixed):
        services.vaults.update(HERE, vault.id, sent, blank_removes=False)
    assert services.vaults.get(HERE, vault.id).display_name == "M"


@pytest.mark.parametrize("auth", [bearer().auth, variable().auth], ids=["bearer", "variable"])
def test_a_whole_credential_can_come_with_a_vault_and_again(services: Services, auth: Any) -> None:
    vault = services.vaults.create(HERE, VaultCreate(display_name="M", secret=auth))
    before = services.credentials.secrets(HERE, listed(services, vault.id)[0])
    services.vaults.update(HERE, vault.id, VaultUpdate(secret=auth), blank_removes=False)
    (after,) = listed(services, vault.id)
    assert services.credentials.secrets(HERE, after) == before


def test_unknown_credentials_are_unknown(services: Services, vault: Vault) -> None:
    nobody = new_id()
    for call in (
        lambda: services.credentials.get(HERE, vault.id, nobody),
        lambda: services.credentials.delete(HERE, vault.id, nobody),
        lambda: services.credentials.archive(HERE, vault.id, nobody),
    ):
        with pytest.raises(CredentialNotFound):
            call()


def test_sandboxes_hold_placeholders_and_the_way_out_the_secrets(services: Services, vault: Vault) -> None:
    limited = {"networking": {"type": "limited", "allowed_hosts": ["API.example.com", "*.example.org"]}}
    services.credentials.create(HERE, vault.id, variable("A", "canary-a", **limited, injection_location={"body": True}))
    services.credentials.create(HERE, vault.id, variable("B", "canary-b"))
    services.credentials.create(HERE, vault.id, bearer())
    variables, injections = services.vaults.injections(HERE, [vault.id])
    assert sorted(variables) == ["A", "B"]
    assert "canary" not in repr(variables)
    by_value = {one.value: one for one in injections}
    first, second = by_value["canary-a"], by_value["canary-b"]
    assert (first.hosts, first.places) == (("api.example.com", "*.example.org"), ("body",))
    assert (second.hosts, second.places) == (("*",), ("header", "body"))
    assert (first.placeholder, second.placeholder) == (variables["A"], variables["B"])
    assert first.placeholder.startswith("lbt_placeholder_")
    assert "canary" not in repr(injections)


def test_programs_that_are_known_find_a_placeholder_for_their_hosts(services: Services, vault: Vault) -> None:
    for program in ("gh", "aws", "of-ours"):
        sent = {"type": "cap_cli", "cli_id": program, "token": f"canary-{program}", "extras": {"host": "canary-extra"}}
        services.credentials.create(HERE, vault.id, CredentialCreate.model_validate({"auth": sent}))
    services.credentials.create(HERE, vault.id, variable("HF_TOKEN", "canary-hf"))
    late = {"auth": {"type": "cap_cli", "cli_id": "hf", "token": "canary-late"}}
    services.credentials.create(HERE, vault.id, CredentialCreate.model_validate(late))
    variables, injections = services.vaults.injections(HERE, [vault.id])
    assert sorted(variables) == ["GH_TOKEN", "HF_TOKEN"]
    by_value = {one.value: one for one in injections}
    assert sorted(by_value) == ["canary-gh", "canary-hf"]
    of_gh = by_value["canary-gh"]
    assert of_gh.placeholder == variables["GH_TOKEN"]
    assert (of_gh.hosts, of_gh.places) == (("github.com", "*.github.com"), ("header",))


def test_a_placeholder_outlives_a_rotation_and_processes(
    services: Services, other_process: Services, vault: Vault
) -> None:
    made = services.credentials.create(HERE, vault.id, variable("A", "old"))
    before, _ = services.vaults.injections(HERE, [vault.id])
    services.credentials.update(HERE, vault.id, made.id, rotation(secret_value="new"), blank_removes=False)
    after, injections = other_process.vaults.injections(HERE, [vault.id])
    assert after == before
    assert [one.value for one in injections] == ["new"]


def test_the_first_vault_with_a_variable_counts_until_it_is_gone(services: Services) -> None:
    vaults = [services.vaults.create(HERE, VaultCreate(display_name=name)) for name in ("a", "b")]
    ids = [one.id for one in vaults]
    for vault_id, value in zip(ids, ("first", "second"), strict=True):
        services.credentials.create(HERE, vault_id, variable("KEY", value))

    def value_of(order: list[str]) -> list[str]:
        return [one.value for one in services.vaults.injections(HERE, order)[1]]

    assert value_of(ids) == ["first"]
    assert value_of(ids[::-1]) == ["second"]
    services.vaults.archive(HERE, ids[0])
    assert value_of(ids) == ["second"]
    services.vaults.delete(HERE, ids[1])
    assert value_of([*ids, new_id()]) == []


def test_vaults_of_a_new_session_are_all_checked(services: Services, vault: Vault) -> None:
    services.vaults.check(HERE, [vault.id, vault.id], "vault_ids")
    services.vaults.check(HERE, [], "vault_ids")
    with pytest.raises(LambentError) as refused:
        services.vaults.check(HERE, [vault.id, new_id()], "vault_ids")
    assert refused.value.field == "vault_ids.1"
