"""Environment keys and session tokens: what they open, and when they cease to."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.environments.work.errors import EnvironmentKeyNotFound
from chalicelib.environments.work.polling import next_offer
from chalicelib.wiring import Services
from tests.functional.environments.work.conftest import Desk, said


def test_a_key_speaks_for_its_environment_until_it_is_revoked(desk: Desk) -> None:
    credentials = desk.services.worker_credentials
    made, secret = credentials.keys.mint(desk.space, desk.env, "w")
    principal = credentials.authenticate(secret)
    assert principal is not None
    assert principal.bound is not None
    assert (principal.tenant, principal.bound.environment, principal.bound.work) == (desk.space.tenant, desk.env, "")
    assert not principal.may("keys")
    credentials.revoke(desk.space, desk.env, made.id)
    assert credentials.authenticate(secret) is None
    with pytest.raises(EnvironmentKeyNotFound):
        credentials.revoke(desk.space, desk.env, made.id)


def test_the_use_of_a_key_is_noted(desk: Desk) -> None:
    credentials = desk.services.worker_credentials
    _, secret = credentials.keys.mint(desk.space, desk.env, "w")
    credentials.authenticate(secret)
    (listed,) = credentials.keys.all(desk.space, desk.env)
    assert listed.last_used_at is not None


def test_a_token_opens_its_session_until_the_item_is_stopped(desk: Desk) -> None:
    ref, credentials = desk.session(said()), desk.services.worker_credentials
    offer = desk.poll()
    assert offer is not None
    principal = credentials.authenticate(offer.token)
    assert principal is not None
    assert principal.bound is not None
    assert (principal.bound.session, principal.bound.work) == (ref.id, offer.work.id)
    desk.work.stop(desk.space, desk.env, offer.work.id, None, force=True)
    over = credentials.authenticate(offer.token)
    assert over is not None
    assert over.bound is not None
    assert over.bound.session == ""


def test_a_token_of_an_earlier_offer_is_still_known(desk: Desk) -> None:
    desk.session(said())
    first = desk.poll()
    time.sleep(0.01)
    second = desk.poll(reclaim_ms=1)
    assert first is not None
    assert second is not None
    for offer in (first, second):
        principal = desk.services.worker_credentials.authenticate(offer.token)
        assert principal is not None
        assert principal.bound is not None
        assert principal.bound.claim == offer.work.claim


def test_a_forged_token_is_nobodys(desk: Desk) -> None:
    desk.session(said())
    offer = desk.poll()
    assert offer is not None
    assert desk.services.worker_credentials.authenticate(offer.token[:-4] + "AAAA") is None


def test_secrets_are_stored_nowhere(desk: Desk) -> None:
    _, secret = desk.services.worker_credentials.keys.mint(desk.space, desk.env, "w")
    desk.session(said())
    offer = desk.poll()
    assert offer is not None
    client, table = desk.services.table._client, desk.services.table.name
    stored = str(client.scan(TableName=table)["Items"])
    assert offer.work.id in stored
    assert secret not in stored
    assert offer.token not in stored


def test_a_closed_tenant_has_no_workers(desk: Desk, other_process: Services) -> None:
    _, secret = desk.services.worker_credentials.keys.mint(desk.space, desk.env, "w")
    desk.services.tenants.close(desk.space.tenant)
    assert other_process.worker_credentials.authenticate(secret) is None


class TestWaiting:
    @pytest.mark.parametrize("attached", [True, False])
    def test_an_open_question_is_answered_when_something_is_queued(
        self, desk: Desk, attached: bool, request: pytest.FixtureRequest
    ) -> None:
        hub = desk.services.hub
        if attached:
            hub.attach()
            request.getfixturevalue("engine").subscribe(hub.notify)

        def queue() -> None:
            time.sleep(0.1)
            desk.session(said())

        with ThreadPoolExecutor(1) as pool:
            pool.submit(queue)
            started = time.monotonic()
            offer = asyncio.run(next_offer(desk.work, hub, desk.space, desk.env, block_ms=900))
        assert offer is not None
        assert time.monotonic() - started < 0.8

    def test_in_vain_it_takes_as_long_as_was_asked_and_no_longer(self, desk: Desk) -> None:
        started = time.monotonic()
        assert asyncio.run(next_offer(desk.work, desk.services.hub, desk.space, desk.env, block_ms=300)) is None
        assert 0.29 < time.monotonic() - started < 0.9
