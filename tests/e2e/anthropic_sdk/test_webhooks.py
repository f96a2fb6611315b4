"""Webhooks as a receiver with the official client sees them: verified by its ``unwrap``, typed, refused when tampered
with or stale, repeated under the same id, and signed with both secrets after a rotation."""

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from anthropic import Anthropic
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.e2e.anthropic_sdk.helpers import make_agent, make_environment, make_session, turn
from tests.support.api import Api, Json, wait_for
from tests.support.receiver import Hit, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def endpoint(api: Api, url: str, *events: str) -> Json:
    """A new endpoint with its secret."""
    return api.post("/v1/webhook_endpoints", url=url, events=list(events) or ["*"])


def test_a_message_verifies_with_the_clients_unwrap(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "session.*")
    session = make_session(client)
    hit = receiver.wait_type("session.created")
    event = client.beta.webhooks.unwrap(hit.text, headers=hit.headers, key=made["secret"])
    assert (event.type, event.data.type, event.data.id) == ("event", "session.created", session.id)
    assert type(event.data).__name__ == "BetaWebhookSessionCreatedEventData"
    assert event.data.organization_id.startswith("org_")
    assert event.data.workspace_id.startswith("wrkspc_")
    assert abs((datetime.now(UTC) - event.created_at).total_seconds()) < 60
    assert hit.headers["webhook-id"] == event.id
    assert hit.headers["content-type"] == "application/json"


def test_a_tampered_body_is_refused(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "agent.*")
    make_agent(client)
    hit = receiver.wait_type("agent.created")
    for text in (hit.text.replace("agent.created", "agent.deleted"), hit.text + " ", ""):
        with pytest.raises(WebhookVerificationError):
            client.beta.webhooks.unwrap(text, headers=hit.headers, key=made["secret"])
    stranger = f"whsec_{base64.b64encode(b'another secret altogether').decode()}"
    with pytest.raises(WebhookVerificationError):
        client.beta.webhooks.unwrap(hit.text, headers=hit.headers, key=stranger)
    with pytest.raises(WebhookVerificationError):
        client.beta.webhooks.unwrap(hit.text, headers=hit.headers | {"webhook-id": "other"}, key=made["secret"])


def test_a_stale_message_is_refused_however_well_it_is_signed(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "agent.*")
    make_agent(client)
    hit = receiver.wait_type("agent.created")
    stale = int(time.time()) - 360
    signature = Webhook(made["secret"]).sign(hit.headers["webhook-id"], datetime.fromtimestamp(stale, UTC), hit.text)
    headers = hit.headers | {"webhook-timestamp": str(stale), "webhook-signature": signature}
    with pytest.raises(WebhookVerificationError, match="too old"):
        client.beta.webhooks.unwrap(hit.text, headers=headers, key=made["secret"])
    fresh = client.beta.webhooks.unwrap(hit.text, headers=hit.headers, key=made["secret"])
    assert fresh.id == hit.headers["webhook-id"]


def test_a_turn_is_told_from_its_start_to_its_end(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "session.*")
    session = make_session(client)
    turn(client, session.id, "tokens:3")
    client.beta.sessions.update(session.id, title="Told")
    client.beta.sessions.archive(session.id)
    client.beta.sessions.delete(session.id)
    receiver.wait_type("session.deleted")
    told = receiver.types()
    assert told == [
        "session.created",
        "session.pending",
        "session.running",
        "session.status_run_started",
        "session.thread_idled",
        "session.idled",
        "session.status_idled",
        "session.updated",
        "session.thread_terminated",
        "session.status_terminated",
        "session.archived",
        "session.deleted",
    ]
    events = [client.beta.webhooks.unwrap(one.text, headers=one.headers, key=made["secret"]) for one in receiver.hits]
    assert {event.data.id for event in events} == {session.id}
    assert len({event.id for event in events}) == len(told)
    assert {getattr(event.data, "session_thread_id", None) for event in events if "thread" in event.data.type} == {
        "sthr_primary"
    }


def test_a_session_that_waits_for_its_client_says_so(client: Anthropic, api: Api, receiver: Receiver) -> None:
    endpoint(api, receiver.url, "session.requires_action")
    tool = {"type": "custom", "name": "noop", "description": "x", "input_schema": {"type": "object"}}
    session = make_session(client, make_agent(client, tools=[tool]))
    turn(client, session.id, "tokens:1")
    turn(client, session.id, "tool:noop")
    assert [hit.body["data"]["id"] for hit in receiver.wait(1)] == [session.id]


def test_a_self_hosted_session_wakes_its_workers(client: Anthropic, api: Api, receiver: Receiver) -> None:
    endpoint(api, receiver.url, "session.status_run_started")
    environment = make_environment(client, config={"type": "self_hosted"})
    session = make_session(client, environment_id=environment.id)
    client.beta.sessions.events.send(
        session.id, events=[{"type": "user.message", "content": [{"type": "text", "text": "tokens:1"}]}]
    )
    hit = receiver.wait_type("session.status_run_started")
    assert hit.body["data"]["id"] == session.id


def test_other_nouns_are_told_in_their_types(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "vault.*", "vault_credential.*", "agent.*", "environment.*")
    vault = client.beta.vaults.create(display_name="Keys")
    auth = {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com", "token": "kept to ourselves"}
    credential = client.beta.vaults.credentials.create(vault.id, auth=auth)  # type: ignore[arg-type]
    client.beta.vaults.credentials.archive(credential.id, vault_id=vault.id)
    client.beta.vaults.credentials.delete(credential.id, vault_id=vault.id)
    client.beta.vaults.archive(vault.id)
    client.beta.vaults.delete(vault.id)
    agent = make_agent(client)
    client.beta.agents.update(agent.id, version=agent.version, name="Renamed")
    client.beta.agents.archive(agent.id)
    environment = make_environment(client)
    client.beta.environments.update(environment.id, description="Changed")
    client.beta.environments.archive(environment.id)
    client.beta.environments.delete(environment.id)
    hits = receiver.wait(13)
    events = [client.beta.webhooks.unwrap(one.text, headers=one.headers, key=made["secret"]) for one in hits]
    told = {(event.data.type, event.data.id) for event in events}
    assert told == {
        *((f"vault.{what}", vault.id) for what in ("created", "archived", "deleted")),
        *((f"vault_credential.{what}", credential.id) for what in ("created", "archived", "deleted")),
        *((f"agent.{what}", agent.id) for what in ("created", "updated", "archived")),
        *((f"environment.{what}", environment.id) for what in ("created", "updated", "archived", "deleted")),
    }
    assert {event.data.vault_id for event in events if hasattr(event.data, "vault_id")} == {vault.id}
    assert "kept to ourselves" not in "".join(hit.text for hit in hits)


def test_a_failing_receiver_gets_the_same_id_again(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "agent.created")
    make_agent(client)
    first = receiver.wait(1)[0]
    path = f"/v1/webhook_endpoints/{made['id']}/deliveries"
    delivery = wait_for(lambda: api.get(path, status="delivered")["data"], "the delivery")[0]
    receiver.statuses["/"] = [503]
    api.post(f"{path}/{delivery['id']}/redeliver")
    wait_for(lambda: len(api.get(f"{path}/{delivery['id']}")["attempts"]) == 2, "the failed attempt")
    again = receiver.wait(3)
    assert {hit.headers["webhook-id"] for hit in again} == {first.headers["webhook-id"]}
    assert {hit.text for hit in again} == {first.text}
    for hit in again:
        client.beta.webhooks.unwrap(hit.text, headers=hit.headers, key=made["secret"])
    shown = wait_for(lambda: _delivered(api.get(f"{path}/{delivery['id']}")), "the success")
    assert [one["status"] for one in shown["attempts"]] == [200, 503, 200]


def _delivered(delivery: Json) -> Json | None:
    return delivery if delivery["status"] == "delivered" else None


def test_after_a_rotation_both_secrets_verify(client: Anthropic, api: Api, receiver: Receiver) -> None:
    made = endpoint(api, receiver.url, "agent.created")
    rotated = api.post(f"/v1/webhook_endpoints/{made['id']}/rotate_secret")
    assert rotated["secret"] != made["secret"]
    make_agent(client)
    hit: Hit = receiver.wait(1)[0]
    assert len(hit.headers["webhook-signature"].split(" ")) == 2
    for secret in (made["secret"], rotated["secret"]):
        assert client.beta.webhooks.unwrap(hit.text, headers=hit.headers, key=secret).data.type == "agent.created"
