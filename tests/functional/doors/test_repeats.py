"""A keyed request whose answer was never kept, because the server died right after carrying it out, and its repeat.

The death is what the repeat finds: the work is done and the key is free again, as it is once its lock has run out.
"""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.storage import writes
from chalicelib.tenants import idempotency
from chalicelib.wiring import Services
from tests.functional.doors.conftest import Api

Post = Callable[[str, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def post(services: Services, plain: Api, monkeypatch: pytest.MonkeyPatch) -> Post:
    """POST under one key, without any memory of the answer."""

    def forget(tenant: str, scope: str, key: str, _answer: object) -> None:
        services.table.write(writes.delete(idempotency._key(tenant, scope, key)))

    monkeypatch.setattr(services.idempotency, "finish", forget)

    def send(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = plain.call("POST", path, body, headers={"idempotency-key": "k"})
        assert answer.status_code in (200, 201, 202), answer.text
        shown: dict[str, Any] = answer.json() if answer.content else {}
        return shown

    return send


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/agents", {"name": "A", "model": "m"}, {"name": "B", "model": "m"}),
        ("/v1/environments", {"name": "E"}, {"name": "F"}),
    ],
)
def test_a_repeated_create_meets_the_first(
    plain: Api, post: Post, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    assert post(path, body)["id"] == post(path, body)["id"]
    assert len(plain.get(path)["data"]) == 1
    assert post(path, other)["name"] == other["name"]
    assert len(plain.get(path)["data"]) == 2


def test_a_repeated_session_and_its_message_are_one(plain: Api, post: Post) -> None:
    agent = plain.call("POST", "/v1/agents", {"name": "A", "model": "m"}).json()
    environment = plain.call("POST", "/v1/environments", {"name": "E"}).json()
    body = {"agent": agent["id"], "environment_id": environment["id"]}
    session = post("/v1/sessions", body)["id"]
    assert post("/v1/sessions", body)["id"] == session
    assert len(plain.get("/v1/sessions")["data"]) == 1
    events = {"events": [{"type": "user.message", "content": "hello"}]}
    for _ in range(2):
        post(f"/v1/sessions/{session}/events", events)
    assert len(plain.get(f"/v1/sessions/{session}/pending")["data"]) == 1
