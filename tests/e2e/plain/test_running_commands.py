"""The commands `lambent running` and `lambent stop`, as an operator and a tenant use them on a server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chalicelib.cli.main import main
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json
from tests.support.server import Server


def tenant_of(api: Api) -> str:
    return str(api.get("/v1/me")["tenant"]["id"])


def command(server: Server, *words: str, key: str | None = None) -> Result:
    """One command, as a process with these words would carry it out."""
    env = {"LAMBENT_URL": server.url, "LAMBENT_KEY": key or server.root_key}
    return CliRunner().invoke(main, list(words), env=env)


def listed(server: Server, *options: str, key: str | None = None) -> list[Json]:
    done = command(server, "running", "--json", *options, key=key)
    assert done.exit_code == 0, done.output
    found: list[Json] = json.loads(done.stdout)["data"]
    return found


@pytest.fixture
def lingering(api: Api, model: FakeModel) -> Iterator[list[str]]:
    """Three sessions that are at work until they are stopped, or the test is over; two of them for ann."""
    agent = api.agent(name="Slow one")
    sessions = [api.session(agent, end_user=name) for name in ("ann", "ann", "bob")]
    model.hold(at="stop", match="linger")
    for session in sessions:
        api.say(session, "linger")
    model.wait_held(3, 30)
    yield sessions
    model.release()


def test_the_operator_sees_what_is_at_work_and_what_it_is_at(server: Server, api: Api, lingering: list[str]) -> None:
    shown = command(server, "running", "--tenant", tenant_of(api))
    assert shown.exit_code == 0, shown.output
    head, *rows = shown.output.splitlines()
    assert head.split() == ["SESSION", "TENANT", "AGENT", "FOR", "DOING", "COST"]
    assert {row.split()[0] for row in rows} == set(lingering)
    for row in rows:
        for words in (tenant_of(api), "Slow one (agent_", "claude-test for", "$0.0000"):
            assert words in row
    (bob,) = listed(server, "--tenant", tenant_of(api), "--end-user", "bob")
    assert (bob["id"], bob["phase"]) == (lingering[2], "working")
    assert [(step["kind"], step["name"]) for step in bob["doing"]] == [("model", "claude-test")]
    assert set(lingering) <= {one["id"] for one in listed(server, "--limit", "1000")}
    assert len(listed(server, "--tenant", tenant_of(api), "--limit", "2")) == 2


def test_the_cost_of_a_session_at_work_has_what_its_run_has_spent(server: Server, api: Api, model: FakeModel) -> None:
    api.ok("PUT", "/v1/cost_report/pricing", {"model": "claude-test", "input": "0", "output": "1000"})
    agent = api.agent(tools=[{"type": "agent_toolset_20260401"}])
    session = api.session(agent)
    api.turn(session, "tokens:30")
    use = {"type": "tool_use", "name": "glob", "input": {"pattern": "*"}}
    model.script({"blocks": [use], "usage": {"output_tokens": 200}, "match": "dear"})
    model.hold(at="stop", match="dear")
    api.say(session, "dear")
    model.wait_held(1, 30)
    (before,) = listed(server, key=api.key)
    assert before["cost_usd"] == "0.03"
    model.release()
    model.hold(at="stop", match="dear")
    model.wait_held(1, 30)
    (after,) = listed(server, key=api.key)
    assert float(after["cost_usd"]) == 0.23
    assert "$0.2300" in command(server, "running", key=api.key).output
    model.release()
    api.wait_idle(session)
    assert "Nothing is at work." in command(server, "running", key=api.key).output


def test_one_session_is_stopped_at_once_and_more_only_when_that_is_said(
    server: Server, api: Api, lingering: list[str]
) -> None:
    whose = ("--tenant", tenant_of(api))
    for words in ((*whose, "--end-user", "ann"), (*lingering[:2],), whose):
        refused = command(server, "stop", *words)
        assert (refused.exit_code, "say --yes" in refused.output) == (2, True)
        assert lingering[0] in refused.output
    assert len(listed(server, *whose)) == 3
    assert "1 of 1 at work were asked to stop." in command(server, "stop", lingering[0]).output
    api.wait_idle(lingering[0])
    assert command(server, "stop", *whose, "--end-user", "bob").exit_code == 0
    api.wait_idle(lingering[2])
    assert [one["id"] for one in listed(server, *whose)] == [lingering[1]]
    done = command(server, "stop", *whose, "--yes", "--json", "--reason", "enough")
    told = json.loads(done.stdout)
    assert (told["session_ids"], told["reason"], told["remaining"]) == ([lingering[1]], "enough", 0)
    api.wait_idle(lingering[1])
    nothing = command(server, "stop", *whose)
    assert (nothing.exit_code, "0 of 0 at work" in nothing.output) == (0, True)


def test_a_tenants_key_reaches_that_tenant_alone(
    server: Server, api: Api, model: FakeModel, lingering: list[str]
) -> None:
    stranger = server.tenant()
    assert listed(server, key=stranger) == []
    assert "0 of 0 at work" in command(server, "stop", "--all", "--yes", key=stranger).output
    assert {one["id"] for one in listed(server, key=api.key)} == set(lingering)
    refused = command(server, "running", "--tenant", tenant_of(api), key=api.key)
    assert (refused.exit_code, "needs the root key" in refused.output) == (2, True)
    assert "3 of 3 at work" in command(server, "stop", "--all", "--yes", key=api.key).output
    for session in lingering:
        api.wait_idle(session)


def test_what_is_to_be_stopped_must_be_said(server: Server) -> None:
    assert command(server, "stop", "--yes").exit_code == 2
    assert command(server, "stop", "--all", "--agent", "agent_x", "--yes").exit_code == 2


def test_the_root_key_is_found_in_the_servers_directory(server: Server, tmp_path: Path) -> None:
    words = ["running", "--json", "--url", server.url, "--state", str(tmp_path)]
    missing = CliRunner().invoke(main, words)
    assert (missing.exit_code, "there is no key" in missing.output) == (2, True)
    (tmp_path / "credentials.json").write_text(json.dumps({"root_key": server.root_key}))
    assert CliRunner().invoke(main, words).exit_code == 0


def test_refusals_and_servers_that_are_not_there_are_told(server: Server) -> None:
    for words, reason in (
        (("running", "--agent", "agent_x"), "refused: agent"),
        (("stop", "sesn_x"), "refused: session"),
        (("running", "--tenant", "tn_x"), "refused: tenant"),
    ):
        refused = command(server, *words)
        assert (refused.exit_code, reason in refused.output.lower()) == (1, True), refused.output
    wrong = command(server, "running", key="lmb_wrong")
    assert (wrong.exit_code, "a valid API key is required" in wrong.output) == (1, True)
    gone = CliRunner().invoke(main, ["running", "--url", "http://127.0.0.1:1", "--key", "x"])
    assert (gone.exit_code, "does not answer" in gone.output) == (1, True)
