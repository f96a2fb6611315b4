"""Skills where a customer's worker is the sandbox: the official worker fetches those of its session's agent, and its
token opens these and no others."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from anthropic import Anthropic, NotFoundError, PermissionDeniedError

from tests.e2e.anthropic_sdk.helpers import listed, make_agent, make_environment, make_session, of, said, say
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, wait_for
from tests.support.environment_worker import WorkerThread
from tests.support.server import Server
from tests.support.skills import files_of, zip_of

TOOLSET = {"type": "agent_toolset_20260401"}


def made(client: Anthropic, name: str) -> str:
    """A new skill with a program; its id."""
    archive = zip_of(files_of(name, name), executable=(f"{name}/run.sh",))
    return client.skills.create(files=[("skill.zip", archive)]).id


@pytest.fixture
def owner(server: Server, key: str) -> Iterator[Api]:
    client = Api(server.url, key)
    yield client
    client.close()


def hosted(client: Anthropic, owner: Api) -> tuple[str, str]:
    """A self-hosted environment, and a key for its workers."""
    place = make_environment(client, config={"type": "self_hosted"}).id
    return place, owner.post(f"/v1/environments/{place}/keys", name="Worker")["key"]


def test_the_official_worker_brings_the_skills_along(
    server: Server, client: Anthropic, owner: Api, model: FakeModel, tmp_path: Path
) -> None:
    place, key = hosted(client, owner)
    wanted = [{"type": "custom", "skill_id": made(client, "folding")}, {"type": "anthropic", "skill_id": "pdf"}]
    agent = make_agent(client, tools=[TOOLSET], skills=wanted)
    session = make_session(client, agent, environment_id=place).id
    script = (
        "skills/folding/run.sh here; ls skills/pdf skills/folding; python3 skills/pdf/scripts/pdf_text.py -h | head -1"
    )
    say(client, session, f"tool:bash input:{json.dumps({'command': script})} tokens:2")
    with WorkerThread(server.url, place, key, tmp_path):
        (result,) = wait_for(lambda: of(listed(client, session), "user.tool_result"), "the worker's result")
        wait_for(lambda: client.beta.sessions.retrieve(session).status == "idle", "the end of the turn")
    assert said(result).split("\n") == [
        "folded here",
        "skills/folding:",
        "SKILL.md",
        "pages",
        "run.sh",
        "",
        "skills/pdf:",
        "SKILL.md",
        "scripts",
        "usage: pdf_text.py [-h] {info,read,write} ...",
    ]
    assert "- folding (skills/folding/SKILL.md): Folds paper." in json.dumps(model.requests[0]["body"]["system"])


def test_a_session_token_opens_the_skills_of_its_agent_and_nothing_else(
    server: Server, client: Anthropic, owner: Api
) -> None:
    place, key = hosted(client, owner)
    mine, other = made(client, "folding"), made(client, "other")
    agent = make_agent(client, tools=[TOOLSET], skills=[{"type": "custom", "skill_id": mine}])
    session = make_session(client, agent, environment_id=place)
    say(client, session.id, 'tool:bash input:{"command": "true"}')
    worker = Anthropic(base_url=server.url, auth_token=key, api_key=None, max_retries=0)
    item = wait_for(lambda: worker.beta.environments.work.poll(place), "work")
    token = _token(item.secret)
    holder = Anthropic(base_url=server.url, auth_token=token, api_key=None, max_retries=0)
    version = session.agent.skills[0].version
    assert holder.skills.retrieve(mine).latest_version_id == version
    assert holder.skills.versions.retrieve(version, skill_id=mine).name == "folding"
    assert holder.beta.skills.versions.download(version, skill_id=mine).read()[:2] == b"PK"
    for skill in (other, "xlsx", "skill_unknown"):
        with pytest.raises(NotFoundError) as foreign:
            holder.skills.versions.retrieve("latest", skill_id=skill)
        assert foreign.value.body["error"]["message"] == "no such skill"
        with pytest.raises(NotFoundError):
            holder.beta.skills.versions.download("latest", skill_id=skill)
    for forbidden in (
        lambda: holder.skills.list(),
        lambda: holder.skills.versions.list(mine),
        lambda: holder.skills.delete(mine),
        lambda: holder.skills.versions.delete(version, skill_id=mine),
        lambda: made(holder, "third"),
        lambda: worker.skills.retrieve(mine),
    ):
        with pytest.raises(PermissionDeniedError):
            forbidden()
    holder.close()
    worker.close()


def _token(secret: str) -> str:
    import base64

    raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    return str(json.loads(raw)["sessions_token"])
