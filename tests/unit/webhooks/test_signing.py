"""Secrets and signatures, against the receivers' own library."""

import base64
import time

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from chalicelib.webhooks.signing import PREFIX, new_secret, signed_headers

BODY = '{"type":"event","text":"Grüße"}'


def test_a_secret_is_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(secret.removeprefix(PREFIX))) for secret in made} == {32}


def test_every_secret_verifies_and_no_other() -> None:
    keys = [new_secret(), new_secret()]
    headers = signed_headers("whevt_1", BODY, keys, time.time_ns() // 1_000_000)
    for key in keys:
        Webhook(key).verify(BODY.encode(), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


def test_the_signature_covers_id_time_and_body() -> None:
    key = new_secret()
    now = time.time_ns() // 1_000_000
    headers = signed_headers("whevt_1", BODY, [key], now)
    changed = [
        (BODY + " ", headers),
        (BODY, headers | {"webhook-id": "whevt_2"}),
        (BODY, headers | {"webhook-timestamp": str(now // 1000 - 1)}),
    ]
    for body, sent in changed:
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, sent)
