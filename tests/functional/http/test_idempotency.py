"""Requests under an Idempotency-Key, over the wire."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.http import exchange
from chalicelib.http.idempotent import fingerprint
from tests.functional.http.client import Site, wait_for


def test_the_same_request_is_carried_out_once(site: Site) -> None:
    first = site.ask("POST", "/t/things", {"name": "x"}, idempotency_key="k")
    again = site.ask("POST", "/t/things", {"name": "x"}, idempotency_key="k")
    assert (again.status, again.body) == (first.status, first.body) == (201, b'{"id":"thing-1","name":"x"}')
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["content-type"] == "application/json"
    assert again.headers["request-id"] != first.headers["request-id"]


def test_a_key_is_bound_to_its_tenant(site: Site) -> None:
    site.ask("POST", "/t/things", {"name": "x"}, idempotency_key="k")
    other = site.ask("POST", "/t/things", {"name": "x"}, key="key-b", idempotency_key="k")
    assert other.json["id"] == "thing-2"


def test_another_body_is_a_conflict(site: Site) -> None:
    site.ask("POST", "/t/things", {"name": "x"}, idempotency_key="k")
    reply = site.ask("POST", "/t/things", {"name": "y"}, idempotency_key="k")
    assert reply.status == 409
    assert reply.headers["x-should-retry"] == "false"


def test_a_request_still_at_work_asks_to_come_back(site: Site) -> None:
    site.services.idempotency.begin("tenant-a", "POST /t/things", "k", fingerprint(b'{"name": "x"}', ""))
    reply = site.ask("POST", "/t/things", {"name": "x"}, idempotency_key="k")
    assert (reply.status, reply.headers["retry-after-ms"]) == (409, "700")


def test_a_request_that_takes_long_keeps_its_key(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_RENEWAL_SECONDS", 0.01)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(own_site.ask, "POST", "/t/slow", {}, idempotency_key="k")
        assert wait_for(lambda: own_site.services.idempotency.renewed > 2)
        own_site.services.go_on.set()
        assert asked.result().status == 200


def test_an_error_frees_the_key(site: Site) -> None:
    for _ in range(2):
        reply = site.ask("POST", "/t/fail/missing", idempotency_key="k")
        assert reply.status == 404
        assert "idempotent-replayed" not in reply.headers


def test_an_invalid_request_does_not_use_the_key(site: Site) -> None:
    assert site.ask("POST", "/t/things", {}, idempotency_key="k").status == 400
    assert site.ask("POST", "/t/things", {"name": "x"}, idempotency_key="k").status == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü"])
def test_a_key_must_be_visible_ascii(site: Site, key: str) -> None:
    reply = site.ask("POST", "/t/things", {"name": "x"}, idempotency_key=key)
    assert reply.status == 400
    assert reply.json["error"]["field"] == "Idempotency-Key"


def test_the_same_request_sent_at_once_is_carried_out_once(site: Site) -> None:
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(site.ask, "POST", "/t/things", {"name": "x"}, idempotency_key="k") for _ in range(12)]
        statuses = {reply.result().status for reply in asked}
    assert statuses <= {201, 409}
    assert site.services.made == 1


def test_an_answer_with_a_secret_is_made_anew_and_the_secret_is_not_stored(site: Site) -> None:
    first = site.ask("POST", "/t/secret", {"a": 1}, idempotency_key="k")
    again = site.ask("POST", "/t/secret", {"a": 1}, idempotency_key="k")
    assert first.json == {"id": "thing-1", "token": "not to be kept"}
    assert again.json == first.json | {"again": "tenant-a"}
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert "not to be kept" not in repr(site.services.idempotency.rows)
    assert site.ask("POST", "/t/secret", {"a": 2}, idempotency_key="k").status == 409


def test_an_answer_that_cannot_be_made_anew_is_stored_sealed(site: Site) -> None:
    first = site.ask("POST", "/t/sealed", {"a": 1}, idempotency_key="k")
    again = site.ask("POST", "/t/sealed", {"a": 1}, idempotency_key="k")
    assert (
        (again.status, again.body) == (first.status, first.body) == (201, b'{"id":"thing-1","token":"not to be kept"}')
    )
    assert again.headers["idempotent-replayed"] == "true"
    assert len(site.services.idempotency.rows) == 1
    assert "not to be kept" not in repr(site.services.idempotency.rows)
    assert site.ask("POST", "/t/sealed", {"a": 2}, idempotency_key="k").status == 409
