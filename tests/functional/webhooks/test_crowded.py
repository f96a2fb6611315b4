"""Much at once, and what is stuck: neither keeps anybody else from being told."""

from dataclasses import replace

import pytest

from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import Errand
from chalicelib.vaults.draft import VaultCreate
from chalicelib.webhooks import outbox
from chalicelib.webhooks.due import OUTBOX, QUEUE, due_errands
from chalicelib.webhooks.happening import Happening
from chalicelib.webhooks.model import MOST_ENDPOINTS
from chalicelib.webhooks.schedule import KEPT_ATTEMPTS
from tests.functional.webhooks.conftest import HOUR, Post
from tests.support.receiver import Receiver

_LATER = 60_000


def crowd(post: Post, tenants: int, parcels: int) -> None:
    """Tenants whose outboxes hold what nobody takes out."""
    for _ in range(tenants):
        space = Space(new_id())
        for _ in range(parcels):
            post.services.table.write(outbox.parcel_write(space, [Happening("vault.created", new_id())]))


@pytest.mark.parametrize("endpoints", [MOST_ENDPOINTS, 45])
def test_as_many_endpoints_as_there_may_be_are_told_of_a_change_with_several_events(
    post: Post, receiver: Receiver, endpoints: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several that are made at the same moment may be more than there should be.
    monkeypatch.setattr("chalicelib.webhooks.endpoint_store.MOST_ENDPOINTS", endpoints)
    for number in range(endpoints):
        post.endpoint(f"{receiver.url}/{number}")
    made = VaultCreate.model_validate({"name": "Keys", "secret": "s3cret-value", "host": "api.example"})
    post.services.vaults.create(post.space, made)
    post.bells()
    for number in range(endpoints):
        assert sorted(receiver.types(f"/{number}")) == ["vault.created", "vault_credential.created"]


def test_what_is_stuck_in_one_outbox_does_not_keep_the_clock_from_others(post: Post) -> None:
    crowd(post, tenants=1, parcels=900)
    mine = Space(new_id())
    post.services.table.write(outbox.parcel_write(mine, [Happening("vault.created", new_id())]))
    post.time.pass_by(_LATER)
    found = due_errands(post.services.table, post.time.now())
    assert Errand(OUTBOX, mine.tenant, mine.tenant) in found
    assert len(found) == 2


def test_a_delivery_that_is_too_old_to_be_known_leaves_nothing_to_look_for(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual = 500
    post.happen()
    post.bells()
    (delivery,) = post.deliveries(endpoint)
    key = post.space.key(QUEUE, endpoint.id, sk=f"D#{delivery.id}")
    post.services.table.delete_many([key])
    post.time.pass_by(HOUR)
    post.services.webhook_courier.deliver(post.space, endpoint.id, lambda: 10**9)
    assert post.silence() == 0
    left = [row["sk"] for row in post.services.table.walk(post.space.partition(QUEUE, endpoint.id))]
    assert left == ["BELL"]


def test_only_the_latest_attempts_of_a_delivery_are_kept(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    post.happen()
    post.bells()
    (before,) = post.deliveries(endpoint)
    many = replace(before, attempts=before.attempts * 3 * KEPT_ATTEMPTS)
    assert post.services.webhook_deliveries._store.move(post.space, [(before, many)])
    post.services.webhook_deliveries.redeliver(post.space, endpoint.id, before.id)
    post.bells()
    (after,) = post.deliveries(endpoint)
    assert after.state == "delivered"
    assert len(after.attempts) == KEPT_ATTEMPTS
