"""Deployments and their runs with the official client: every shape fits its types, in both of its dialects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import make_agent, make_environment, rest

HELLO: dict[str, Any] = {"type": "user.message", "content": [{"type": "text", "text": "tokens:2"}]}
CRON: dict[str, Any] = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "America/Los_Angeles"}
URL = "https://example.com/a/b"


def deploy(client: Anthropic, **fields: Any) -> Any:
    """A new deployment."""
    named = {"agent": fields.pop("agent", None) or make_agent(client).id, "name": "Nightly"}
    named["environment_id"] = fields.pop("environment_id", None) or make_environment(client).id
    return client.beta.deployments.create(**(named | {"initial_events": [HELLO]} | fields))


def test_a_deployment_is_made_read_changed_and_archived(either: Anthropic) -> None:
    made = deploy(either, schedule=CRON, metadata={"team": "a"}, description="Looks after things")
    assert (made.type, made.status, made.paused_reason, made.budget) == ("deployment", "active", None, None)
    assert (made.agent.type, made.agent.version, made.initial_events[0].type) == ("agent", 1, "user.message")
    assert (made.schedule.expression, made.schedule.timezone) == (CRON["expression"], CRON["timezone"])
    assert len(made.schedule.upcoming_runs_at) == 5
    assert all(at.weekday() < 5 and at.minute == 0 for at in made.schedule.upcoming_runs_at)
    assert either.beta.deployments.retrieve(made.id) == made
    changed = either.beta.deployments.update(made.id, name="Daily", metadata={"team": None, "role": "x"}, schedule=None)
    assert (changed.name, changed.metadata, changed.schedule) == ("Daily", {"role": "x"}, None)
    assert changed.description == "Looks after things"
    archived = either.beta.deployments.archive(made.id)
    assert archived.archived_at is not None
    assert archived.status == "active"
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        either.beta.deployments.run(made.id)


def test_a_run_answers_a_running_session(either: Anthropic) -> None:
    made = deploy(either, schedule=CRON)
    paused = either.beta.deployments.pause(made.id)
    assert (paused.status, paused.paused_reason.type) == ("paused", "manual")
    run = either.beta.deployments.run(made.id)
    assert (run.type, run.deployment_id, run.trigger_context.type, run.error) == (
        "deployment_run",
        made.id,
        "manual",
        None,
    )
    assert run.session_id is not None
    session = rest(either, run.session_id)
    assert session.deployment_id == made.id
    assert [one.id for one in either.beta.sessions.list(deployment_id=made.id)] == [run.session_id]
    assert either.beta.deployment_runs.retrieve(run.id) == run
    assert either.beta.deployments.unpause(made.id).status == "active"


def test_resources_are_echoed_without_ids_and_secrets(client: Anthropic) -> None:
    uploaded = client.beta.files.upload(file=("a.txt", b"x", "text/plain"))
    store = client.beta.memory_stores.create(name="Notes")
    made = deploy(
        client,
        resources=[
            {"type": "file", "file_id": uploaded.id},
            {
                "type": "github_repository",
                "url": URL,
                "authorization_token": "canary-token",
                "checkout": {"type": "branch", "name": "main"},
            },
            {"type": "memory_store", "memory_store_id": store.id, "access": "read_only"},
        ],
    )
    file, repository, memory = made.resources
    assert (file.type, file.file_id, hasattr(file, "id")) == ("file", uploaded.id, False)
    assert (repository.url, repository.checkout.name) == (URL, "main")
    assert (memory.memory_store_id, memory.access) == (store.id, "read_only")
    raw = client.beta.deployments.with_raw_response.retrieve(made.id)
    assert "canary-token" not in raw.text()
    session = client.beta.sessions.retrieve(client.beta.deployments.run(made.id).session_id or "")
    assert [one.type for one in session.resources] == ["file", "github_repository", "memory_store"]
    assert client.beta.deployments.update(made.id, resources=None).resources == []


def test_events_of_every_kind_can_begin_a_session(client: Anthropic) -> None:
    outcome = {
        "type": "user.define_outcome",
        "description": "A word",
        "rubric": {"type": "text", "content": "It is a word"},
        "max_iterations": 1,
    }
    system = {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]}
    made = deploy(client, initial_events=[outcome, HELLO, system])
    assert [event.type for event in made.initial_events] == ["user.define_outcome", "user.message", "system.message"]
    assert made.initial_events[0].rubric.content == "It is a word"
    assert all(not hasattr(event, "id") for event in made.initial_events)
    run = client.beta.deployments.run(made.id)
    assert run.error is None
    session = client.beta.sessions.retrieve(run.session_id or "")
    assert len(session.outcome_evaluations) == 1


def test_a_budget_goes_to_every_session(client: Anthropic) -> None:
    budget = {"type": "limit", "max_list_cost": {"amount": "2500", "currency": "USD"}}
    agent = make_agent(client, model="claude-sonnet-4-5").id
    made = deploy(client, agent=agent, budget=budget)
    assert made.budget is not None
    assert made.budget.max_list_cost.amount == "2500"
    session = client.beta.sessions.retrieve(client.beta.deployments.run(made.id).session_id or "")
    assert session.budget is not None
    assert session.budget.max_list_cost.amount == "2500"
    assert client.beta.deployments.update(made.id, budget=None).budget is None


def test_a_lasting_failure_is_recorded_and_pauses(client: Anthropic) -> None:
    vault = client.beta.vaults.create(display_name="Alice")
    made = deploy(client, vault_ids=[vault.id], schedule=CRON)
    client.beta.vaults.archive(vault.id)
    run = client.beta.deployments.run(made.id)
    assert run.session_id is None
    assert run.error is not None
    assert run.error.type == "vault_archived_error"
    paused = client.beta.deployments.retrieve(made.id)
    assert paused.paused_reason is not None
    assert (paused.paused_reason.type, paused.paused_reason.error.type) == ("error", "vault_archived_error")
    assert [one.id for one in client.beta.deployment_runs.list(deployment_id=made.id, has_error=True)] == [run.id]


def test_lists_are_walked_newest_first(client: Anthropic) -> None:
    agent, environment = make_agent(client).id, make_environment(client).id
    made = [deploy(client, agent=agent, environment_id=environment, name=str(number)) for number in range(3)]
    client.beta.deployments.archive(made[0].id)
    client.beta.deployments.pause(made[1].id)
    assert [one.name for one in client.beta.deployments.list(limit=1)] == ["2", "1"]
    assert [one.name for one in client.beta.deployments.list(include_archived=True, limit=2)] == ["2", "1", "0"]
    assert [one.name for one in client.beta.deployments.list(status="paused", agent_id=agent)] == ["1"]
    assert list(client.beta.deployments.list(created_at_gte=datetime.now(UTC) + timedelta(hours=1))) == []
    runs = [client.beta.deployments.run(made[2].id) for _ in range(3)]
    assert list(client.beta.deployment_runs.list(limit=2)) == runs[::-1]
    assert list(client.beta.deployment_runs.list(trigger_type="schedule")) == []
    with pytest.raises(anthropic.BadRequestError, match="include_archived"):
        client.beta.deployments.list(status="active", include_archived=True)
    with pytest.raises(anthropic.BadRequestError):
        client.beta.deployment_runs.list(page="page_nonsense")


@pytest.mark.parametrize("expression", ["@daily", "0 0 L * *", "* * * * * *", "61 * * * *"])
def test_other_kinds_of_cron_are_refused(client: Anthropic, expression: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match="schedule"):
        deploy(client, schedule=CRON | {"expression": expression})
