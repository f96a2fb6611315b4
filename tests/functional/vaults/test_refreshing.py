"""Renewing OAuth credentials on real storage: however many ask at once, the endpoint is asked once, nothing is lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.storage.keys import Space
from chalicelib.vaults.draft import CredentialCreate, CredentialUpdate, VaultCreate
from chalicelib.vaults.errors import NotRenewable, RenewalFailed, TokenEndpointUnreachable, TokenRefused
from chalicelib.vaults.model import Credential
from chalicelib.wiring import Services
from tests.support.api import wait_for
from tests.support.mcp_server import McpSite

HERE = Space("tenant-a")


@pytest.fixture(scope="module")
def shared_site() -> Iterator[McpSite]:
    with McpSite() as running:
        yield running


@pytest.fixture
def site(shared_site: McpSite) -> McpSite:
    shared_site.reset()
    return shared_site


def made(services: Services, site: McpSite, endpoint: str | None = None) -> Credential:
    """A credential that can be renewed, at the site unless said otherwise."""
    site.oauth.client("client-1")
    access, refresh = site.oauth.grant("client-1")
    renewal = {
        "client_id": "client-1",
        "refresh_token": refresh,
        "token_endpoint": endpoint or f"{site.oauth.url}/token",
        "token_endpoint_auth": {"type": "none"},
    }
    auth = {"type": "mcp_oauth", "mcp_server_url": site.url, "access_token": access, "refresh": renewal}
    vault = services.vaults.create(HERE, VaultCreate(display_name="Keys"))
    return services.credentials.create(HERE, vault.id, CredentialCreate.model_validate({"auth": auth}))


def secrets(services: Services, credential: Credential) -> dict[str, str]:
    """The secrets as they are stored now."""
    now = services.credentials.get(HERE, credential.vault_id, credential.id)
    return services.credentials.secrets(HERE, now)


def change(services: Services, credential: Credential, **fields: Any) -> None:
    """Change it as a client does."""
    sent = CredentialUpdate.model_validate(fields)
    services.credentials.update(HERE, credential.vault_id, credential.id, sent, blank_removes=False)


def test_two_workers_renew_once_and_both_have_the_new_token(
    services: Services, other_process: Services, site: McpSite
) -> None:
    credential = made(services, site)
    site.oauth.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        workers = [services, other_process] * 4
        found = [pool.submit(one.refresher.refresh, HERE, credential) for one in workers]
        wait_for(lambda: site.oauth.requests, "the endpoint to be asked")
        site.oauth.gate.set()
        after = [one.result(30) for one in found]
    assert len(site.oauth.requests) == 1
    assert {one.revision for one in after} == {credential.revision + 1}
    assert secrets(services, credential) == {"access_token": "access-token-2", "refresh_token": "refresh-token-2"}


def test_one_who_comes_later_with_the_old_token_gets_the_new_one(services: Services, site: McpSite) -> None:
    credential = made(services, site)
    first = services.refresher.refresh(HERE, credential)
    assert services.refresher.refresh(HERE, credential) == first
    assert len(site.oauth.requests) == 1
    assert services.refresher.refresh(HERE, first).revision == first.revision + 1


def test_a_change_of_other_fields_meanwhile_loses_nothing(services: Services, site: McpSite) -> None:
    credential = made(services, site)
    site.oauth.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(services.refresher.refresh, HERE, credential)
        wait_for(lambda: site.oauth.requests, "the endpoint to be asked")
        change(services, credential, display_name="Renamed")
        site.oauth.gate.set()
        after = found.result(30)
    assert (after.display_name, after.revision) == ("Renamed", credential.revision + 2)
    assert secrets(services, credential)["refresh_token"] == "refresh-token-2"


def test_tokens_that_a_client_sets_meanwhile_stay(services: Services, site: McpSite) -> None:
    credential = made(services, site)
    site.oauth.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(services.refresher.refresh, HERE, credential)
        wait_for(lambda: site.oauth.requests, "the endpoint to be asked")
        change(services, credential, auth={"access_token": "set-by-client", "refresh_token": "set-by-client-too"})
        site.oauth.gate.set()
        found.result(30)
    assert secrets(services, credential) == {"access_token": "set-by-client", "refresh_token": "set-by-client-too"}


def test_those_who_wait_for_a_renewal_that_fails_do_not_try_again(
    services: Services, other_process: Services, site: McpSite
) -> None:
    credential = made(services, site)
    site.oauth.gate.clear()
    site.oauth.refuses = 400
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(one.refresher.refresh, HERE, credential) for one in [services, other_process] * 2]
        wait_for(lambda: site.oauth.requests, "the endpoint to be asked")
        threading.Event().wait(0.3)
        site.oauth.gate.set()
        errors = [one.exception(30) for one in found]
    assert all(isinstance(one, RenewalFailed) for one in errors)
    assert len(site.oauth.requests) == 1
    site.oauth.refuses = 0
    assert services.refresher.refresh(HERE, credential).revision == credential.revision + 1


def test_a_renewal_whose_worker_died_is_taken_over(services: Services, site: McpSite) -> None:
    credential = made(services, site)
    services.vault_store.begin_renewal(HERE, credential, now_ms() - 60_000, now_ms() - 30_000)
    assert services.refresher.refresh(HERE, credential).revision == credential.revision + 1


def test_an_endpoint_that_keeps_the_refresh_token_leaves_it_in_place(services: Services, site: McpSite) -> None:
    credential = made(services, site)
    site.oauth.rotates = False
    services.refresher.refresh(HERE, credential)
    assert secrets(services, credential) == {"access_token": "access-token-2", "refresh_token": "refresh-token-1"}


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"not json", b'{"access_token": ""}', b'{"access_token": "a\\nb"}'])
def test_an_answer_without_a_sound_token_is_a_refusal(services: Services, site: McpSite, answer: bytes) -> None:
    credential = made(services, site)
    site.oauth.instead = answer
    with pytest.raises(TokenRefused):
        services.refresher.refresh(HERE, credential)
    assert secrets(services, credential)["refresh_token"] == "refresh-token-1"


def test_what_has_nothing_to_renew_with_is_told_apart(services: Services, site: McpSite) -> None:
    vault = services.vaults.create(HERE, VaultCreate(display_name="Keys"))
    bare = {"type": "mcp_oauth", "mcp_server_url": "https://a.example", "access_token": "x"}
    static = {"type": "static_bearer", "mcp_server_url": "https://b.example", "token": "x"}
    for auth in (bare, static):
        one = services.credentials.create(HERE, vault.id, CredentialCreate.model_validate({"auth": auth}))
        with pytest.raises(NotRenewable):
            services.refresher.refresh(HERE, one)
    gone = made(services, site)
    services.credentials.archive(HERE, gone.vault_id, gone.id)
    with pytest.raises(LambentError, match="archived"):
        services.refresher.refresh(HERE, gone)
    assert site.oauth.requests == []


def test_a_credential_is_found_in_the_first_vault_that_has_one(services: Services) -> None:
    vaults = [services.vaults.create(HERE, VaultCreate(display_name=str(place))).id for place in range(3)]
    auth = {"type": "static_bearer", "mcp_server_url": "https://A.example:443/mcp/", "token": "x"}
    sent = CredentialCreate.model_validate({"auth": auth})
    second = services.credentials.create(HERE, vaults[1], sent)
    third = services.credentials.create(HERE, vaults[2], sent)
    url = "https://a.example/mcp"
    assert services.credentials.for_server(HERE, vaults, url) == second
    assert services.credentials.for_server(HERE, list(reversed(vaults)), url) == third
    assert services.credentials.for_server(Space("tenant-b"), vaults, url) is None
    assert services.credentials.for_server(HERE, vaults, "https://a.example/other") is None
    assert services.credentials.for_server(HERE, vaults, "not a url") is None
    services.credentials.archive(HERE, vaults[1], second.id)
    assert services.credentials.for_server(HERE, vaults, url) == third


def test_calls_take_the_credential_of_the_address_before_that_of_its_host(services: Services) -> None:
    vaults = [services.vaults.create(HERE, VaultCreate(display_name=str(place))).id for place in range(2)]

    def keep(vault: str, url: str) -> Credential:
        auth = {"type": "static_bearer", "mcp_server_url": url, "token": "x"}
        return services.credentials.create(HERE, vault, CredentialCreate.model_validate({"auth": auth}))

    host, address = keep(vaults[0], "https://a.example"), keep(vaults[0], "https://a.example/mcp")
    other = keep(vaults[1], "https://a.example/other")
    for_calls = services.credentials.for_calls
    assert for_calls(HERE, vaults, "https://A.example:443/mcp/") == address
    assert for_calls(HERE, vaults, "https://a.example/hook?x=1") == host
    assert for_calls(HERE, vaults, "https://a.example/other") == host
    assert for_calls(HERE, list(reversed(vaults)), "https://a.example/other") == other
    for elsewhere in ("http://a.example/mcp", "https://a.example:8443/mcp", "https://b.a.example/mcp", "not a url"):
        assert for_calls(HERE, vaults, elsewhere) is None
    assert services.credentials.for_server(HERE, vaults, "https://a.example/hook") is None


def test_a_refresh_token_is_not_sent_in_the_clear(services: Services, site: McpSite) -> None:
    credential = made(services, site, "http://93.184.216.34/token")
    with pytest.raises(TokenEndpointUnreachable, match="Only https"):
        services.refresher.refresh(HERE, credential)
