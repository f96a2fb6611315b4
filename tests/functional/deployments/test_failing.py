"""Runs without a session: the error they are recorded with, and whether the deployment goes on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.errors import NotAvailable, RateLimited
from chalicelib.core.settings import Settings
from chalicelib.deployments.errors import DeploymentArchived
from chalicelib.deployments.failures import failure_of
from chalicelib.deployments.model import Deployment
from chalicelib.deployments.store import DeploymentStore
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.service import PLAIN
from chalicelib.files.model import FileDraft
from chalicelib.sessions.errors import AgentArchived, SessionNotFound
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.resource_drafts import FileResource, RepositoryResource
from chalicelib.vaults.draft import VaultCreate
from chalicelib.wiring import Services
from tests.functional.deployments.site import Killed, Site, dies, tick

HOURLY = "0 * * * *"


def broken_environment_archived(site: Site) -> Deployment:
    deployment = site.deploy(HOURLY)
    site.services.environments.archive(site.space, site.environment)
    return deployment


def broken_environment_deleted(site: Site) -> Deployment:
    deployment = site.deploy(HOURLY)
    site.services.environments.delete(site.space, site.environment)
    return deployment


def broken_vault_archived(site: Site) -> Deployment:
    vault = site.services.vaults.create(site.space, VaultCreate.model_validate({"name": "Keys"}))
    deployment = site.deploy(HOURLY, vault_ids=[vault.id])
    site.services.vaults.archive(site.space, vault.id)
    return deployment


def broken_vault_deleted(site: Site) -> Deployment:
    vault = site.services.vaults.create(site.space, VaultCreate.model_validate({"name": "Keys"}))
    deployment = site.deploy(HOURLY, vault_ids=[vault.id])
    site.services.vaults.delete(site.space, vault.id)
    return deployment


def _uploaded(site: Site) -> str:
    draft = FileDraft(filename="a.txt", media_type="text/plain")
    return site.services.files.create_from_bytes(site.space, draft, b"x").id


def broken_file_deleted(site: Site) -> Deployment:
    file_id = _uploaded(site)
    deployment = site.deploy(HOURLY, resources=[FileResource(type="file", file_id=file_id)])
    site.services.files.delete(site.space, file_id)
    return deployment


def broken_file_of_a_message_deleted(site: Site) -> Deployment:
    file_id = _uploaded(site)
    block = {"type": "document", "source": {"type": "file", "file_id": file_id}}
    deployment = site.deploy(HOURLY, initial=[Input("user.message", {"content": [block]})])
    site.services.files.delete(site.space, file_id)
    return deployment


def broken_tenant_suspended(site: Site) -> Deployment:
    deployment = site.deploy(HOURLY)
    site.services.tenants.change(site.space.tenant, status="suspended")
    return deployment


CASES: list[tuple[Callable[[Site], Deployment], str]] = [
    (broken_environment_archived, "environment_archived_error"),
    (broken_environment_deleted, "environment_not_found_error"),
    (broken_vault_archived, "vault_archived_error"),
    (broken_vault_deleted, "vault_not_found_error"),
    (broken_file_deleted, "file_not_found_error"),
    (broken_file_of_a_message_deleted, "file_not_found_error"),
    (broken_tenant_suspended, "organization_disabled_error"),
]


@pytest.mark.parametrize(("broken", "error"), CASES, ids=[case.__name__ for case, _ in CASES])
def test_what_will_not_mend_itself_pauses_the_deployment(
    site: Site, broken: Callable[[Site], Deployment], error: str
) -> None:
    deployment = broken(site)
    moment = site.make_due(deployment)
    tick(site.services)
    (run,) = site.runs()
    assert run.error is not None
    assert (run.error.type, run.session_id, run.scheduled_at) == (error, None, moment)
    assert run.error.message
    after = site.now(deployment)
    assert (after.paused, after.next_at) == (error, None)
    assert (site.sessions(), site.waiting()) == ([], [])


def test_a_run_by_hand_that_fails_for_good_pauses_too(site: Site) -> None:
    deployment = broken_environment_archived(site)
    run = site.services.deployment_runs.start(site.space, deployment.id)
    assert run.error is not None
    assert site.now(deployment).paused == run.error.type == "environment_archived_error"


def test_a_mended_deployment_runs_again(site: Site) -> None:
    deployment = broken_environment_archived(site)
    site.services.deployment_runs.start(site.space, deployment.id)
    place = EnvironmentCreate.model_validate({"name": "Other place"})
    site.environment = site.services.environments.create(site.space, place, PLAIN).id
    wanted = replace(site.draft(), given=frozenset({"environment_id"}))
    site.services.deployments.update(site.space, deployment.id, wanted)
    resumed = site.services.deployments.unpause(site.space, deployment.id)
    assert (resumed.paused, resumed.next_at is None) == (None, False)
    assert site.services.deployment_runs.start(site.space, deployment.id).error is None


def test_a_rate_limit_only_fails_the_run(site: Site, settings: Settings) -> None:
    limited = Services(replace(settings, writes_per_minute=1))
    first, second = site.deploy(HOURLY), site.deploy(HOURLY)
    for deployment in (first, second):
        site.make_due(deployment)
    tick(limited)
    failed = [run for run in site.runs() if run.error is not None]
    assert [run.error.type for run in failed if run.error] == ["session_rate_limited_error"]
    assert (site.now(first).paused, site.now(second).paused) == (None, None)
    assert len(site.waiting()) == 2


def test_a_deployment_that_was_mended_meanwhile_is_not_paused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = site.deploy(HOURLY)
    site.make_due(deployment)
    services = site.services

    def refused(*_: object) -> Any:
        changed = replace(site.draft(), given=frozenset({"description"}), description="mended")
        services.deployments.update(site.space, deployment.id, changed)
        raise AgentArchived("agent: the agent is archived")

    monkeypatch.setattr(services.opener, "open", refused)
    tick(services)
    assert [run.error.type for run in site.runs() if run.error] == ["agent_archived_error"]
    assert site.now(deployment).paused is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimited("slow down", retry_after_ms=1), "session_rate_limited_error"),
        (SessionNotFound("no such session"), "session_resource_not_found_error"),
        (DeploymentArchived(), "session_creation_rejected_error"),
    ],
)
def test_other_refusals_have_a_word_too(error: Any, expected: str) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert (failure.type, failure.message) == (expected, error.message)


def test_a_fault_of_the_server_is_no_failure_of_the_run() -> None:
    assert failure_of(NotAvailable("not here")) is None


def test_archiving_an_agent_archives_its_deployments(site: Site) -> None:
    made = [site.deploy(HOURLY) for _ in range(3)]
    site.services.agents.archive(site.space, site.agent)
    assert all(site.now(one).archived_at for one in made)
    assert {(site.now(one).paused, site.now(one).next_at) for one in made} == {(None, None)}
    assert site.waiting() == []


def test_the_clock_finishes_what_the_archiving_of_an_agent_began(
    site: Site, other_process: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [site.deploy(HOURLY) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(DeploymentStore, "of_agent", dies)
        with pytest.raises(Killed):
            site.services.agents.archive(site.space, site.agent)
    assert [site.now(one).archived_at for one in made] == [None, None]
    site.pass_time()
    tick(other_process)
    assert all(site.now(one).archived_at for one in made)
    assert site.waiting() == []


def test_no_deployment_slips_in_while_its_agent_is_archived(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = site.services.opener.check

    def check(*given: Any) -> Any:
        found = real(*given)
        site.services.agents.archive(site.space, site.agent)
        return found

    monkeypatch.setattr(site.services.opener, "check", check)
    with pytest.raises(AgentArchived):
        site.deploy(HOURLY)
    assert site.waiting() == []


def test_secrets_of_resources_are_sealed_and_reach_the_session(site: Site) -> None:
    wanted = RepositoryResource.model_validate(
        {"type": "github_repository", "url": "https://example.com/a/b", "authorization_token": "canary-token"}
    )
    deployment = site.deploy(None, resources=[wanted])
    row = site.services.table.get(site.space.key("deployment", deployment.id, sk="HEAD"))
    assert "canary-token" not in str(row)
    assert "canary-token" not in str(deployment)
    session = site.session(site.services.deployment_runs.start(site.space, deployment.id))
    (resource,) = session.spec.resources
    assert "canary-token" not in str(resource)
    ref = site.services.session_resources.repositories(_ref(site, session.head.id), [resource])
    assert [repository.token() for repository in ref] == ["canary-token"]


def _ref(site: Site, session_id: str) -> Any:
    from chalicelib.events.log import SessionRef

    return SessionRef(site.space, session_id)


def test_a_change_of_something_else_keeps_the_secrets(site: Site) -> None:
    wanted = RepositoryResource.model_validate(
        {"type": "github_repository", "url": "https://example.com/a/b", "authorization_token": "canary-token"}
    )
    deployment = site.deploy(None, resources=[wanted])
    changed = replace(site.draft(), given=frozenset({"initial", "vault_ids"}), vault_ids=[])
    site.services.deployments.update(site.space, deployment.id, changed)
    session = site.session(site.services.deployment_runs.start(site.space, deployment.id))
    (repository,) = site.services.session_resources.repositories(_ref(site, session.head.id), session.spec.resources)
    assert repository.token() == "canary-token"


def test_the_same_run_asked_for_twice_is_one(site: Site) -> None:
    deployment = site.deploy(None)
    runs = [site.services.deployment_runs.start(site.space, deployment.id, "run") for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(site.sessions()) == 1
