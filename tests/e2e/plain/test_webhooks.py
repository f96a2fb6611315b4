"""Webhook endpoints: how they are made, changed and removed, which addresses are refused, and what is seen of
deliveries. Secrets are shown once; an idempotent repeat shows the same one again."""

from collections.abc import Iterator

import pytest

from tests.support.api import Api, Json, wait_for
from tests.support.inner_urls import INNER, LOOPBACK_IPV6, UNREADABLE
from tests.support.receiver import Receiver
from tests.support.server import Server

ENDPOINTS = "/v1/webhook_endpoints"
HOSTS = [host for host in (*INNER[::5], *LOOPBACK_IPV6[::4], *UNREADABLE[::4]) if "ffff" not in host.lower()]
INWARD = [f"https://{host}/hook" for host in HOSTS if "\0" not in host] + [
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/",
    "//127.0.0.1/",
    "127.0.0.1:8000",
    "javascript:alert(1)",
    "https://",
    "https://user:secret@127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://93.184.216.34/",
    "https://93.184.216.34:8443/",
    "http://93.184.216.34:22/",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def made(api: Api, url: str, **fields: object) -> Json:
    """A new endpoint."""
    return api.post(ENDPOINTS, url=url, **fields)


def deliveries(api: Api, endpoint: Json, **query: str) -> list[Json]:
    """An endpoint's deliveries."""
    rows: list[Json] = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries", **query)["data"]
    return rows


def test_an_endpoint_is_made_read_changed_listed_and_removed(api: Api, receiver: Receiver) -> None:
    first = made(api, receiver.url, events=["session.*", "vault.created"], description="First")
    assert first["secret"].startswith("whsec_")
    shown = {name: value for name, value in first.items() if name != "secret"}
    path = f"{ENDPOINTS}/{first['id']}"
    assert api.get(path) == shown
    second = made(api, receiver.url)
    assert (second["events"], second["enabled"], second["description"]) == (["*"], True, None)
    assert [one["id"] for one in api.get(ENDPOINTS)["data"]] == [second["id"], first["id"]]
    changed = api.post(path, events=["agent.*"], description=None, enabled=False)
    assert (changed["events"], changed["description"], changed["enabled"]) == (["agent.*"], None, False)
    assert changed["url"] == receiver.url
    assert api.post(path) == changed
    assert api.ok("DELETE", path) == {"id": first["id"], "type": "webhook_endpoint_deleted"}
    assert api.call("GET", path).status_code == 404
    assert api.call("DELETE", path).status_code == 404


def test_a_secret_is_shown_once(api: Api, receiver: Receiver) -> None:
    first = made(api, receiver.url)
    path = f"{ENDPOINTS}/{first['id']}"
    rotated = api.post(f"{path}/rotate_secret")
    seen = "".join(
        answer.text
        for answer in (
            api.call("GET", path),
            api.call("GET", ENDPOINTS),
            api.call("POST", path, {"description": "x"}),
            api.call("POST", f"{path}/test"),
            api.call("GET", f"{path}/deliveries"),
        )
    )
    assert first["secret"] not in seen
    assert rotated["secret"] not in seen
    assert "whsec_" not in seen
    assert "lbs1." not in seen


def test_a_repeat_with_the_same_key_makes_one_endpoint_and_shows_its_secret(api: Api, receiver: Receiver) -> None:
    keyed = {"Idempotency-Key": "one"}
    first = api.ok("POST", ENDPOINTS, {"url": receiver.url}, headers=keyed)
    assert api.ok("POST", ENDPOINTS, {"url": receiver.url}, headers=keyed) == first
    assert len(api.get(ENDPOINTS)["data"]) == 1
    path = f"{ENDPOINTS}/{first['id']}"
    rotated = api.ok("POST", f"{path}/rotate_secret", headers=keyed)
    assert api.ok("POST", f"{path}/rotate_secret", headers=keyed)["secret"] == rotated["secret"] != first["secret"]
    assert api.call("POST", ENDPOINTS, {"url": receiver.url}, headers=keyed).status_code == 409
    api.post(f"{path}/rotate_secret")
    assert api.call("POST", f"{path}/rotate_secret", headers=keyed).status_code == 409


@pytest.mark.parametrize("url", INWARD)
def test_an_address_that_leads_inward_or_past_the_rules_is_refused(api: Api, url: str) -> None:
    answer = api.call("POST", ENDPOINTS, {"url": url})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["details"]["field"] == "url"
    assert api.get(ENDPOINTS)["data"] == []


def test_an_address_is_checked_when_it_changes(api: Api, receiver: Receiver) -> None:
    endpoint = made(api, receiver.url)
    assert api.call("POST", f"{ENDPOINTS}/{endpoint['id']}", {"url": "https://10.0.0.1/"}).status_code == 400
    assert api.get(f"{ENDPOINTS}/{endpoint['id']}")["url"] == receiver.url


@pytest.mark.parametrize(
    "body",
    [
        {"events": ["session.exploded"]},
        {"events": ["moon.*"]},
        {"events": ["session"]},
        {"events": []},
        {"events": None},
        {"url": None},
        {"url": ""},
        {"enabled": None},
        {"description": "x" * 1001},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(api: Api, receiver: Receiver, body: Json) -> None:
    endpoint = made(api, receiver.url)
    assert api.call("POST", f"{ENDPOINTS}/{endpoint['id']}", body).status_code == 400


def test_there_are_at_most_twenty_endpoints(api: Api, receiver: Receiver) -> None:
    for _ in range(20):
        made(api, receiver.url, enabled=False)
    assert api.call("POST", ENDPOINTS, {"url": receiver.url}).status_code == 400


def test_a_disabled_endpoint_hears_nothing(api: Api, receiver: Receiver) -> None:
    off, on = made(api, f"{receiver.url}/off", enabled=False), made(api, f"{receiver.url}/on")
    api.agent()
    receiver.wait(1, "/on")
    assert receiver.of("/off") == []
    assert deliveries(api, off) == []
    assert api.call("POST", f"{ENDPOINTS}/{off['id']}/test").status_code == 409
    assert len(deliveries(api, on)) == 1


def test_a_test_event_goes_to_one_endpoint_whatever_it_asked_for(api: Api, receiver: Receiver) -> None:
    tried, _ = made(api, f"{receiver.url}/tried", events=["agent.*"]), made(api, f"{receiver.url}/other")
    delivery = api.post(f"{ENDPOINTS}/{tried['id']}/test")
    assert (delivery["event_type"], delivery["status"]) == ("webhook_endpoint.test", "pending")
    (hit,) = receiver.wait(1, "/tried")
    assert hit.body["data"]["id"] == tried["id"]
    assert hit.headers["webhook-id"] == delivery["event_id"]
    assert receiver.of("/other") == []


def test_deliveries_are_listed_with_their_attempts(api: Api, receiver: Receiver) -> None:
    endpoint = made(api, receiver.url)
    receiver.usual, receiver.answer = 404, b"the receiver's own words"
    api.agent()
    receiver.wait(1)

    def tried() -> Json | None:
        (row,) = deliveries(api, endpoint)
        return row if row["attempts"] else None

    row = wait_for(tried, "the attempt")
    assert (row["status"], row["event_type"], row["delivered_at"]) == ("pending", "agent.created", None)
    assert row["next_attempt_at"] > row["created_at"]
    (attempt,) = row["attempts"]
    assert (attempt["status"], attempt["error"]) == (404, "status")
    assert attempt["duration_ms"] >= 0
    assert deliveries(api, endpoint, status="delivered") == []
    assert deliveries(api, endpoint, event_type="agent.created", status="pending") == [row]
    assert deliveries(api, endpoint, event_id=row["event_id"]) == [row]
    assert "own words" not in str(row)
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{row['id']}"
    assert api.get(path) == row
    assert api.call("POST", f"{path}/redeliver").status_code == 409
    assert api.get(f"{ENDPOINTS}/{endpoint['id']}")["failing_since"] is not None


def test_deliveries_are_paged(api: Api, receiver: Receiver) -> None:
    endpoint = made(api, receiver.url, events=["agent.created"])
    for _ in range(5):
        api.agent()
    receiver.wait(5)
    path, seen, page = f"{ENDPOINTS}/{endpoint['id']}/deliveries", [], None
    while True:
        answer = api.get(path, limit=2, **({"page": page} if page else {}))
        seen += [row["id"] for row in answer["data"]]
        page = answer["next_page"]
        if page is None:
            break
    assert len(seen) == len(set(seen)) == 5


def test_redriving_wants_a_moment(api: Api, receiver: Receiver) -> None:
    endpoint = made(api, receiver.url)
    path = f"{ENDPOINTS}/{endpoint['id']}/redrive"
    assert api.call("POST", path, {"since": "yesterday"}).status_code == 400
    assert api.call("POST", path, {}).status_code == 400
    answer = api.call("POST", path, {"since": "2026-01-01T00:00:00Z"})
    assert answer.json() == {"type": "webhook_redrive", "redriven": 0, "has_more": False}


def test_a_reading_key_makes_no_endpoints(server: Server, api: Api, receiver: Receiver) -> None:
    reader = Api(server.url, api.post("/v1/api_keys", name="reader", scopes=["read"])["key"])
    assert reader.call("GET", ENDPOINTS).status_code == 200
    assert reader.call("POST", ENDPOINTS, {"url": receiver.url}).status_code == 403
    reader.close()


def test_a_slow_receiver_delays_neither_another_nor_a_turn(api: Api, receiver: Receiver) -> None:
    session = api.session()
    api.turn(session, "tokens:1")
    made(api, f"{receiver.url}/slow")
    made(api, f"{receiver.url}/quick", events=["session.*"])
    receiver.hold("/slow")
    api.environment()
    receiver.wait(1, "/slow")
    api.turn(session, "tokens:2", seconds=5)
    wait_for(lambda: "session.status_idled" in receiver.types("/quick"), "the quick one to hear of the end", within=5)
    assert len(receiver.of("/slow")) <= 8
    receiver.let_go("/slow")
    wait_for(lambda: "session.status_idled" in receiver.types("/slow"), "the slow one to hear of it too")
