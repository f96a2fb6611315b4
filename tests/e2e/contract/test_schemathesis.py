"""Every operation of the served OpenAPI document keeps what the document promises, whatever it is sent.

Requests are generated from the document, well-formed and broken ones, most of them with the ids of things that exist.
No answer may be a server fault, and status, content type, headers and body are those the document names. What asks
somebody else, a provider or a computer, may answer 502 where the document says so. Endless streams are left out.
``LAMBENT_SCHEMATHESIS_EXAMPLES`` asks for more requests of an operation than the usual few, and for its limits to be
probed one by one, which takes minutes.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as promises

from chalicelib.doors import all_doors
from chalicelib.http.openapi import document
from tests.support.api import Api
from tests.support.server import Server

THOROUGH = "LAMBENT_SCHEMATHESIS_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("LAMBENT_SCHEMATHESIS_EXAMPLES", "8"))
ENDLESS = r"/stream$"
AWAY = 502
"""What was asked lies elsewhere, and does not answer."""
PLACEHOLDER_EVERY = 5
ENDINGS = ("/archive", "/rotate")


def no_fault_of_ours(context: Any, answer: schemathesis.Response, case: schemathesis.Case) -> bool | None:
    """No server fault, but for somebody else's that the document announces."""
    if answer.status_code == AWAY and str(AWAY) in case.operation.definition.raw["responses"]:
        return None
    return checks.not_a_server_error(context, answer, case)


CHECKS = [
    no_fault_of_ours,
    promises.status_code_conformance,
    promises.content_type_conformance,
    promises.response_headers_conformance,
]

DOCUMENT = document(all_doors())
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema = schema.exclude(path_regex=ENDLESS)
schema.config.generation.update(deterministic=True, max_examples=EXAMPLES)
schema.config.phases.coverage.enabled = THOROUGH


@dataclass
class Things:
    """What exists for one operation, by the name of the parameter or field that refers to it."""

    key: str
    root_key: str
    ids: dict[str, str]
    calls: int = field(default=0)

    def put_into(self, case: schemathesis.Case) -> None:
        """Replace most of the generated ids, so that handlers are reached and not only their 404."""
        self.calls += 1
        if self.calls % PLACEHOLDER_EVERY == 0:
            return
        parameters = case.path_parameters or {}
        parameters.update({name: self.ids[name] for name in parameters if name in self.ids})
        if isinstance(case.body, dict):
            self._fill(case.body)

    def _fill(self, body: dict[str, Any]) -> None:
        for name, value in body.items():
            if name in self.ids and isinstance(value, str):
                body[name] = self.ids[name]
            elif isinstance(value, list):
                for one in value:
                    if isinstance(one, dict):
                        self._fill(one)

    def headers(self, path: str) -> dict[str, str]:
        """The key an operation needs."""
        return {"x-api-key": self.root_key if path.startswith("/admin") else self.key}


def _made(server: Server) -> Things:
    """A tenant with one of everything, and a second tenant for the operator to work on."""
    api, operator = Api(server.url, server.tenant()), Api(server.url, server.root_key)
    agent, environment = api.agent(), api.environment()
    session = api.session(agent)
    kept = api.post("/v1/files", filename="note.txt", content="Hello")["id"]
    attached = api.post(f"/v1/sessions/{session}/resources", type="file", file_id=kept)["id"]
    api.turn(session, 'say:"Here is something to read."')
    vault = api.post("/v1/vaults", name="Keys")["id"]
    auth = {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com", "token": "token"}
    sandbox = api.post("/v2/sandboxes", templateID="base")["sandboxID"]
    named = {"name": "Mine", "agent": agent["id"], "environment_id": environment["id"]}
    greeting = {"type": "user.message", "content": "Hello"}
    deployment = api.post("/v1/deployments", initial_events=[greeting], **named)["id"]
    endpoint = api.post("/v1/webhook_endpoints", url="http://127.0.0.1:9/", events=["user_profile.*"])["id"]
    ids = {
        "endpoint_id": endpoint,
        "delivery_id": api.post(f"/v1/webhook_endpoints/{endpoint}/test")["id"],
        "user_profile_id": api.post("/v1/user_profiles", name="Ada")["id"],
        "deployment_id": deployment,
        "run_id": api.post(f"/v1/deployments/{deployment}/run")["id"],
        "sandbox_id": sandbox,
        "snapshot_id": api.post(f"/sandboxes/{sandbox}/snapshots")["snapshotID"],
        "vault_id": vault,
        "credential_id": api.post(f"/v1/vaults/{vault}/credentials", auth=auth)["id"],
        "agent": agent["id"],
        "agent_id": agent["id"],
        "environment": environment["id"],
        "environment_id": environment["id"],
        "session_id": session,
        "thread_id": "sthr_primary",
        "file_id": kept,
        "resource_id": attached,
        "model_id": "claude-test",
        "version": "1",
        "tenant_id": operator.post("/admin/tenants", name="Another")["id"],
        "key_id": api.post("/v1/api_keys", name="Spare")["id"],
    }
    api.close()
    operator.close()
    return Things(api.key, server.root_key, ids)


@pytest.fixture(scope="module")
def stock() -> list[Things]:
    """Holds the things operations work on, as long as none has been made away with."""
    return []


@pytest.fixture
def things(server: Server, stock: list[Things]) -> Things:
    """Things that exist when an operation's first request is sent."""
    if not stock:
        stock.append(_made(server))
    return stock[0]


def test_the_served_document_is_the_one_the_requests_are_made_from(api: Api) -> None:
    assert api.get("/openapi.json")["paths"] == DOCUMENT["paths"]


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_an_operation_keeps_its_promises(
    case: schemathesis.Case, server: Server, things: Things, stock: list[Things]
) -> None:
    things.put_into(case)
    answer = case.call(base_url=server.url, headers=things.headers(case.path), timeout=30)
    if case.method == "DELETE" or case.path.endswith(ENDINGS):
        stock.clear()
    framed = answer.headers["content-type"][0].startswith("text/event-stream") if answer.content else False
    case.validate_response(answer, checks=CHECKS if framed else [*CHECKS, promises.response_schema_conformance])
