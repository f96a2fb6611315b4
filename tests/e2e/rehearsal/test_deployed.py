"""What CloudFormation makes of the package, and a conversation through all of it: gateway, queue, worker,
model and back. Functions may do only what their roles allow."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tests.support.patience import PATIENCE

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow]

MODEL = "claude-fake"


def test_the_stack_tells_where_everything_is(stack: Any, scripts: Any) -> None:
    deployment = stack.deployment
    outputs = deployment.outputs
    assert {"ApiUrl", "StreamUrl", "Table", "QueueUrl", "DlqUrl", "Bucket"} <= set(outputs)
    tables = scripts.client(deployment.endpoint, "dynamodb")
    table = tables.describe_table(TableName=outputs["Table"])["Table"]
    indexes = {index["IndexName"]: index["Projection"] for index in table["GlobalSecondaryIndexes"]}
    assert indexes == {
        "by_list": {"ProjectionType": "KEYS_ONLY"},
        "by_due": {"ProjectionType": "KEYS_ONLY"},
    }
    queues = scripts.client(deployment.endpoint, "sqs")
    queue = queues.get_queue_attributes(QueueUrl=outputs["QueueUrl"], AttributeNames=["All"])["Attributes"]
    assert queue["FifoQueue"] == "true"
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"] in (5, "5")


def test_a_message_is_answered_and_so_is_the_next(scripts: Any, tenant: Any) -> None:
    talk = scripts.conversation
    session = talk.session(tenant, MODEL)
    talk.say(tenant, session, "Hello")
    first = talk.reply(tenant, session, turns=1)
    talk.say(tenant, session, "And again")
    second = talk.reply(tenant, session, turns=2)
    assert first
    assert second


def test_sessions_are_answered_side_by_side(scripts: Any, tenant: Any) -> None:
    talk = scripts.conversation
    sessions = [talk.session(tenant, MODEL) for _ in range(3)]
    for session in sessions:
        talk.say(tenant, session, f"Hello from {session}")
    assert all(talk.reply(tenant, session) for session in sessions)


def test_a_command_runs_in_a_microvm_and_its_files_are_in_the_bucket(scripts: Any, tenant: Any) -> None:
    talk = scripts.conversation
    session = talk.session(tenant, MODEL, tools=[{"type": "agent_toolset_20260401"}])
    command = {"command": "mkdir -p /mnt/session/outputs; echo $((6 * 7)) | tee /mnt/session/outputs/answer.txt"}
    talk.say(tenant, session, f"tool:bash input:{json.dumps(command)} tokens:3")
    assert talk.reply(tenant, session)
    log = tenant.call("GET", f"/v1/sessions/{session}/events")["data"]
    (result,) = [event for event in log if event["type"] == "agent.tool_result"]
    assert "42" in json.dumps(result)
    (output,) = tenant.call("GET", f"/v1/sessions/{session}/outputs")["data"]
    assert output["filename"] == "answer.txt"


def test_a_sandbox_is_made_and_asked_by_the_functions_that_answer(stack: Any, tenant: Any, address: str) -> None:
    made = urllib3.request(
        "POST", f"{address}/v2/sandboxes", json={"templateID": "base"}, headers={"x-api-key": tenant.key}, timeout=60
    )
    assert made.status == 201, made.data
    sandbox = made.json()
    inside = {"x-access-token": sandbox["envdAccessToken"], "e2b-sandbox-id": sandbox["sandboxID"], "accept": "*/*"}
    sent = inside | {"content-type": "application/octet-stream"}
    written = urllib3.request("POST", f"{address}/files?path=note", body=b"kept", headers=sent, timeout=60)
    assert written.status == 200, written.data
    assert urllib3.request("GET", f"{address}/files?path=note", headers=inside, timeout=60).data == b"kept"
    gone = urllib3.request(
        "DELETE", f"{address}/sandboxes/{sandbox['sandboxID']}", headers={"x-api-key": tenant.key}, timeout=60
    )
    assert gone.status == 204


def test_another_tenant_sees_nothing(scripts: Any, stack: Any, tenant: Any) -> None:
    session = scripts.conversation.session(tenant, MODEL)
    other = scripts.conversation.tenant(stack.deployment.api_url, stack.root_key)
    with pytest.raises(scripts.conversation.CallFailedError, match="404"):
        other.call("GET", f"/v1/sessions/{session}")


def test_a_tenants_secret_is_sealed_under_a_key_that_kms_wraps(scripts: Any, stack: Any, tenant: Any) -> None:
    vault = tenant.call("POST", "/v1/vaults", {"name": "Keys", "secret": "canary-secret", "host": "mcp.example.com"})
    assert vault["has_secret"] is True
    tables = scripts.client(stack.deployment.endpoint, "dynamodb")
    rows = json.dumps(tables.scan(TableName=stack.deployment.outputs["Table"])["Items"], default=repr)
    assert "lbs1." in rows
    assert "wrapped" in rows
    assert "canary-secret" not in rows


@pytest.mark.parametrize("path", ["/v1/nothing-here", "/v1/sessions/none/nothing/here", "/nothing"])
def test_unknown_paths_are_answered_by_the_app(stack: Any, path: str) -> None:
    answer = urllib3.request("GET", stack.deployment.api_url + path, retries=False, timeout=60)
    assert answer.status in (401, 404)
    assert answer.headers["content-type"].startswith("application/json")
    assert b"Missing Authentication Token" not in answer.data


def test_the_streaming_function_serves_the_api_too(stack: Any) -> None:
    answer = urllib3.request("GET", stack.deployment.stream_url + "/healthz", retries=False, timeout=60)
    assert answer.status == 200


def test_a_one_shot_message_streams_its_answer(scripts: Any, stack: Any, tenant: Any) -> None:
    session = scripts.conversation.session(tenant, MODEL)
    answer = urllib3.request(
        "POST",
        f"{stack.deployment.stream_url}/v1/sessions/{session}/messages",
        body=json.dumps({"content": "Hello"}),
        headers={"x-api-key": tenant.key, "content-type": "application/json"},
        timeout=60,
        retries=False,
    )
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = [line for line in answer.data.decode().splitlines() if line.startswith("data:")]
    types = [json.loads(frame.removeprefix("data:"))["type"] for frame in frames]
    assert "agent.message" in types
    assert types[-1] == "session.status_idle"


@pytest.fixture(params=["api_url", "stream_url"])
def address(request: pytest.FixtureRequest, stack: Any) -> str:
    """Where the API is: behind the gateway, and behind the function URL."""
    return str(getattr(stack.deployment, request.param))


def test_people_are_sent_to_the_provider_and_come_back_to_the_public_address(
    scripts: Any, stack: Any, address: str
) -> None:
    given = scripts.deploy.SIGN_IN
    info = urllib3.request("GET", f"{address}/auth-info", retries=False, timeout=60)
    assert info.json()["methods"] == ["api_key", "google"]
    answer = urllib3.request("GET", f"{address}/v1/oauth/google/authorize", redirect=False, retries=False, timeout=60)
    assert answer.status == 302
    # The emulator drops the cookies of what a function URL streams.
    if address == stack.deployment.api_url:
        assert answer.headers["set-cookie"].startswith("__Host-")
    location = urlsplit(answer.headers["location"])
    assert location.netloc == "accounts.google.com"
    asked = parse_qs(location.query)
    assert asked["client_id"] == [given["SignInClientId"]]
    assert asked["redirect_uri"] == [f"{given['PublicUrl']}/v1/oauth/google/callback"]


def github(scripts: Any, address: str, secret: str) -> int:
    """The status of the answer to what GitHub tells the app first, signed with `secret`."""
    body = b'{"zen": "Keep it logically awesome."}'
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "ping", "x-hub-signature-256": f"sha256={signature}"}
    path = f"/github/webhook/app/{scripts.deploy.APPS['LAMBENT_GITHUB_APP_ID']}"
    sent = headers | {"content-type": "application/json"}
    return urllib3.request("POST", address + path, body=body, headers=sent, retries=False, timeout=60).status


def test_the_operators_app_is_read_from_its_secret(scripts: Any, address: str) -> None:
    secret = scripts.deploy.APPS["LAMBENT_GITHUB_WEBHOOK_SECRET"]
    assert github(scripts, address, secret) == 200
    assert github(scripts, address, f"{secret}?") == 401


def test_a_tenant_is_sent_to_let_the_operators_app_in(scripts: Any, tenant: Any) -> None:
    away = urlsplit(tenant.call("GET", "/v1/integrations/github/install")["url"])
    assert away.netloc == "github.com"
    assert away.path == f"/apps/{scripts.deploy.APPS['LAMBENT_GITHUB_APP_SLUG']}/installations/new"
    with pytest.raises(scripts.conversation.CallFailedError, match="503"):
        tenant.call("GET", "/v1/integrations/slack/install")


def test_a_worker_reads_the_apps_too_and_is_done_with_its_run(scripts: Any, stack: Any, tenant: Any) -> None:
    talk = scripts.conversation
    session = talk.session(tenant, MODEL)
    talk.say(tenant, session, "Hello")
    assert talk.reply(tenant, session)
    queues, url = scripts.client(stack.deployment.endpoint, "sqs"), stack.deployment.outputs["QueueUrl"]
    end = time.monotonic() + PATIENCE
    while (left := undone(queues, url)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == 0
    # After a run it is looked whether somebody at a provider waits for the answer.
    assert "LAMBENT_INTEGRATIONS_SECRET" not in stack.log.read_text(errors="replace")
    assert "queue message failed" not in stack.log.read_text(errors="replace")


def undone(queues: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(counts[name]) for name in names)
