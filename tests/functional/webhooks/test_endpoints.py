"""Endpoints on real storage: secrets overlap for a day, repeats meet, changes do not overwrite each other."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from chalicelib.storage import writes
from chalicelib.storage.keys import Key
from chalicelib.storage.queue import LANES, lane_of
from chalicelib.webhooks.drafts import EndpointCreate, EndpointUpdate
from chalicelib.webhooks.due import QUEUE
from chalicelib.webhooks.errors import SecretReplaced
from tests.functional.webhooks.conftest import HOUR, Post
from tests.support.receiver import Hit, Receiver


def verifies(hit: Hit, secret: str) -> bool:
    """Whether one of its signatures is by the secret, whatever the time."""
    signatures = hit.headers["webhook-signature"].split(" ")
    hooks = Webhook(secret)
    headers = hit.headers | {"webhook-signature": " ".join(signatures)}
    try:
        hooks.verify(hit.text, headers)
    except WebhookVerificationError as error:
        if "matching" in str(error):
            return False
        raise
    return True


def test_an_old_secret_signs_for_a_day_and_no_longer(post: Post, receiver: Receiver) -> None:
    service = post.services.webhook_endpoints
    endpoint, first = service.create(post.space, EndpointCreate(url=receiver.url))
    _, second = service.rotate(post.space, endpoint.id)
    post.time.pass_by(23 * HOUR)
    current = post.read(endpoint)
    assert service.signing_secrets(post.space, current) == [second, first]
    post.time.pass_by(2 * HOUR)
    assert service.signing_secrets(post.space, current) == [second]
    _, third = service.rotate(post.space, endpoint.id)
    assert service.signing_secrets(post.space, post.read(endpoint)) == [third, second]


def test_messages_carry_a_signature_by_every_secret(post: Post, receiver: Receiver) -> None:
    service = post.services.webhook_endpoints
    endpoint, first = service.create(post.space, EndpointCreate(url=receiver.url))
    _, second = service.rotate(post.space, endpoint.id)
    post.happen()
    post.bells()
    (hit,) = receiver.hits
    assert verifies(hit, first)
    assert verifies(hit, second)


def test_secrets_lie_sealed(post: Post, receiver: Receiver) -> None:
    service = post.services.webhook_endpoints
    endpoint, first = service.create(post.space, EndpointCreate(url=receiver.url))
    _, second = service.rotate(post.space, endpoint.id)
    rows = str(list(post.services.table.walk(post.space.partition("webhooks"))))
    assert "lbs1." in rows
    assert first.removeprefix("whsec_") not in rows
    assert second.removeprefix("whsec_") not in rows
    assert "lbs1." not in repr(post.read(endpoint))


def test_a_repeated_rotation_gives_the_same_secret_until_there_is_a_newer_one(post: Post, receiver: Receiver) -> None:
    service = post.services.webhook_endpoints
    endpoint, _ = service.create(post.space, EndpointCreate(url=receiver.url))
    _, secret = service.rotate(post.space, endpoint.id, "seed")
    assert service.rotate(post.space, endpoint.id, "seed")[1] == secret
    assert len(post.read(endpoint).old_secrets) == 1
    service.rotate(post.space, endpoint.id)
    with pytest.raises(SecretReplaced):
        service.rotate(post.space, endpoint.id, "seed")


def test_changes_at_the_same_time_are_all_kept(post: Post, receiver: Receiver) -> None:
    service = post.services.webhook_endpoints
    endpoint, _ = service.create(post.space, EndpointCreate(url=receiver.url))
    changes = [EndpointUpdate(description="new"), EndpointUpdate(events=["agent.*"]), EndpointUpdate(enabled=False)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda change: service.update(post.space, endpoint.id, change), changes))
    now = post.read(endpoint)
    assert (now.description, now.events, now.enabled, now.revision) == ("new", ("agent.*",), False, 4)


def test_enabling_forgets_why_it_was_disabled(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    service = post.services.webhook_endpoints
    service.note_failure(post.space, endpoint)
    post.time.pass_by(80 * HOUR)
    assert not service.note_failure(post.space, post.read(endpoint))
    assert post.read(endpoint).disabled_reason
    now = service.update(post.space, endpoint.id, EndpointUpdate(enabled=True))
    assert (now.enabled, now.disabled_reason, now.failing_since) == (True, None, None)
    post.happen()
    post.bells()
    assert receiver.types() == ["vault.created"]


def test_an_endpoint_whose_secret_cannot_be_read_is_disabled_until_it_gets_a_new_one(
    post: Post, receiver: Receiver
) -> None:
    endpoint = post.endpoint(receiver.url)
    moved = writes.update(Key(post.space.partition("webhooks"), endpoint.id), {"sealed": "lbs1.AAAA"})
    post.services.table.write(moved)
    post.happen()
    post.bells()
    now = post.read(endpoint)
    assert (now.enabled, now.disabled_reason) == (False, "its secret cannot be read; rotate it")
    assert [one.state for one in post.deliveries(endpoint)] == ["failed"]
    service = post.services.webhook_endpoints
    _, secret = service.rotate(post.space, endpoint.id)
    service.update(post.space, endpoint.id, EndpointUpdate(enabled=True))
    service_of = post.services.webhook_deliveries
    assert service_of.redrive(post.space, endpoint.id, "2020-01-01T00:00:00Z") == (1, False)
    post.bells()
    assert verifies(receiver.hits[0], secret)


def test_a_few_endpoints_never_wait_for_each_other(post: Post, receiver: Receiver) -> None:
    made = [post.endpoint(receiver.url) for _ in range(2 * LANES)]
    lanes = [lane_of(QUEUE, one.id) for one in made]
    assert sorted(lanes[:LANES]) == sorted(lanes[LANES:]) == list(range(LANES))
