"""Sandboxes are made, looked at, listed, and ended."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from e2b import (
    AuthenticationException,
    Sandbox,
    SandboxException,
    SandboxNotFoundException,
    SandboxQuery,
    SandboxState,
)

from tests.e2e.e2b.conftest import Options
from tests.support.server import Server

Create = Callable[..., Sandbox]


def test_three_variables_are_enough(server: Server, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("E2B_API_KEY", key)
    monkeypatch.setenv("E2B_API_URL", server.url)
    monkeypatch.setenv("E2B_SANDBOX_URL", server.url)
    with Sandbox.create(metadata={"for": "me & you"}, envs={"COLOUR": "dark green"}) as sandbox:
        assert str(uuid.UUID(sandbox.sandbox_id)) == sandbox.sandbox_id
        told = sandbox.get_info()
        assert (told.sandbox_id, told.metadata, told.template_id) == (sandbox.sandbox_id, {"for": "me & you"}, "base")
        assert told.state == SandboxState.RUNNING
        assert timedelta(seconds=280) < told.end_at - datetime.now(UTC) <= timedelta(seconds=300)
        assert min(told.cpu_count, told.memory_mb) > 0
        assert sandbox.is_running()
        assert sandbox.commands.run("echo $COLOUR; pwd; echo $HOME").stdout == "dark green\n/workspace\n/workspace\n"


def test_a_wrong_key_makes_nothing(options: Options) -> None:
    with pytest.raises(AuthenticationException):
        Sandbox.create(**options | {"api_key": "wrong"})
    assert Sandbox.list(**options).next_items() == []


def test_templates_and_time_limits_are_as_asked(create: Create) -> None:
    sandbox = create(template="my-template", timeout=1234, lifecycle={"on_timeout": "pause", "auto_resume": True})
    told = sandbox.get_info()
    assert told.template_id == "my-template"
    assert told.lifecycle == {"on_timeout": "pause", "auto_resume": True}
    assert timedelta(seconds=1210) < told.end_at - datetime.now(UTC) <= timedelta(seconds=1234)


def test_an_end_is_for_good(sandbox: Sandbox, options: Options) -> None:
    sandbox.files.write("a.txt", "kept nowhere")
    assert sandbox.kill() is True
    assert sandbox.kill() is False
    assert not sandbox.is_running()
    with pytest.raises(SandboxNotFoundException):
        sandbox.get_info()
    with pytest.raises(SandboxNotFoundException):
        Sandbox.connect(sandbox.sandbox_id, **options)
    with pytest.raises(SandboxNotFoundException):
        sandbox.set_timeout(10)


def test_lists_come_in_pages_and_take_filters(create: Create, options: Options) -> None:
    strange = {"of": "a & b = 100 %", "ü": "plus+sign"}
    first, second, third = create(metadata=strange), create(metadata={"of": "c"}), create(template="other")
    everyone = [one.sandbox_id for one in (third, second, first)]

    def listed(**asked: Any) -> list[str]:
        pages, found = Sandbox.list(**options | asked), []
        while pages.has_next:
            items = pages.next_items()
            assert len(items) <= asked.get("limit", 100)
            found += [one.sandbox_id for one in items]
        return found

    assert listed() == everyone
    assert listed(limit=1) == listed(limit=2) == everyone
    assert listed(order="asc") == everyone[::-1]
    assert listed(query=SandboxQuery(metadata=strange)) == [first.sandbox_id]
    assert listed(query=SandboxQuery(metadata={"of": "a"})) == []
    assert listed(query=SandboxQuery(template="other")) == [third.sandbox_id]
    assert listed(query=SandboxQuery(started_after=second.get_info().started_at)) == everyone[:2]
    second.pause()
    assert listed(query=SandboxQuery(state=[SandboxState.PAUSED])) == [second.sandbox_id]
    assert listed(query=SandboxQuery(state=[SandboxState.RUNNING])) == [third.sandbox_id, first.sandbox_id]
    assert listed() == everyone


def test_a_repeat_with_the_same_key_makes_one_sandbox(create: Create, options: Options) -> None:
    name = uuid.uuid4().hex
    first, again = create(idempotency_key=name), create(idempotency_key=name)
    assert first.sandbox_id == again.sandbox_id
    again.files.write("a.txt", "the token of a repeat admits")
    assert len(Sandbox.list(**options).next_items()) == 1
    with pytest.raises(SandboxException) as refused:
        create(idempotency_key=name, metadata={"another": "body"})
    assert getattr(refused.value, "status_code", 409) == 409


def test_what_a_sandbox_uses_is_measured(sandbox: Sandbox) -> None:
    (sample,) = sandbox.get_metrics()
    assert abs(datetime.now(UTC) - sample.timestamp) < timedelta(seconds=10)
    assert sample.cpu_count >= 1
    assert sample.cpu_used_pct >= 0
    assert 0 <= sample.mem_used <= sample.mem_total
    assert sample.mem_total == sandbox.get_info().memory_mb << 20
    assert sample.mem_cache >= 0
    assert 0 <= sample.disk_used <= sample.disk_total
    assert sample.disk_total > 0
    before = datetime.now(UTC) - timedelta(hours=1)
    assert sandbox.get_metrics(start=before - timedelta(hours=1), end=before) == []


def test_a_snapshot_is_a_template(sandbox: Sandbox, create: Create, options: Options) -> None:
    sandbox.files.write("deep/a.txt", "as it was")
    kept = sandbox.create_snapshot()
    sandbox.files.write("deep/a.txt", "as it is")
    other = create(template=kept.snapshot_id)
    assert other.files.read("deep/a.txt") == "as it was"
    other.files.write("deep/a.txt", "as it became")
    assert sandbox.files.read("deep/a.txt") == "as it is"
    assert Sandbox.delete_snapshot(kept.snapshot_id, **options) is True
    assert Sandbox.delete_snapshot(kept.snapshot_id, **options) is False
    with pytest.raises(SandboxException):
        create(template=kept.snapshot_id)


def test_forks_have_the_same_files_and_their_own_future(sandbox: Sandbox) -> None:
    sandbox.files.write("a.txt", "shared")
    forks = [one for one in sandbox.fork(count=2) if isinstance(one, Sandbox)]
    assert len({one.sandbox_id for one in (sandbox, *forks)}) == 3
    try:
        forks[0].files.write("a.txt", "first")
        assert [one.files.read("a.txt") for one in (sandbox, *forks)] == ["shared", "first", "shared"]
    finally:
        for one in forks:
            one.kill()


def test_sandboxes_of_another_tenant_are_unknown(sandbox: Sandbox, server: Server, options: Options) -> None:
    theirs = options | {"api_key": server.tenant()}
    assert Sandbox.list(**theirs).next_items() == []
    assert Sandbox.kill(sandbox.sandbox_id, **theirs) is False
    with pytest.raises(SandboxNotFoundException):
        Sandbox.connect(sandbox.sandbox_id, **theirs)
    assert sandbox.is_running()


def test_ids_are_taken_in_every_dress(sandbox: Sandbox, server: Server, key: str) -> None:
    bare = uuid.UUID(sandbox.sandbox_id).hex
    for dressed in (bare, f"ws_{bare}", sandbox.sandbox_id.upper()):
        found = httpx2.get(f"{server.url}/sandboxes/{dressed}", headers={"x-api-key": key})
        assert found.json()["sandboxID"] == sandbox.sandbox_id
        health = httpx2.get(f"{server.url}/health", headers={"e2b-sandbox-id": dressed})
        assert health.status_code == 204


def test_errors_are_numbers_and_texts(server: Server, key: str) -> None:
    def ask(method: str, path: str, **sent: Any) -> httpx2.Response:
        return httpx2.request(method, server.url + path, headers={"x-api-key": key}, **sent)

    answers = [
        (401, httpx2.get(server.url + "/v2/sandboxes")),
        (404, ask("GET", f"/sandboxes/{uuid.uuid4()}")),
        (404, ask("GET", "/sandboxes/x/y/z")),
        (405, ask("PUT", "/v2/sandboxes")),
        (400, ask("POST", "/v2/sandboxes", json={"timeout": "soon"})),
        (400, ask("GET", "/v2/sandboxes?nextToken=x")),
        (400, ask("POST", "/v2/sandboxes", json={"volumeMounts": [{"name": "a", "path": "/a"}]})),
        (400, ask("POST", "/v2/sandboxes", json={"mcp": {"exa": {"apiKey": "x"}}})),
        (404, ask("POST", "/secrets", json={})),
        (404, ask("GET", "/volumes")),
        (400, ask("POST", "/v2/sandboxes", json={"network": {"rules": {"example.com": [{}]}}})),
    ]
    for status, answer in answers:
        assert answer.status_code == status
        assert answer.json()["code"] == status
        assert answer.json()["message"]
