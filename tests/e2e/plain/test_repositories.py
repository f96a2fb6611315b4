"""Repositories of a session are cloned where they belong; their tokens open them from inside without being there.
Variables of a session are in the environment of its commands.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.model_server import FakeModel
from tests.functional.outbound.certificates import server_context
from tests.support.api import Api, Json
from tests.support.git_server import GitHost, Repository
from tests.support.server import Server

HERE = "127.0.9.3"
CANARY = "kanarienvogel"
TOKEN = f"{CANARY}-right"
TOOLSET: Json = {"type": "agent_toolset_20260401"}
AUTHOR = "-c user.name=Agent -c user.email=agent@host.test"
# The words are put together inside, for the command itself stands in the log.
SEARCH = """cd /workspace/private
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline > /tmp/processes 2> /dev/null
env > /tmp/env; git config --list --show-origin > /tmp/config; git remote --verbose > /tmp/remotes
A=kanarien
for word in "${A}vogel" "$(printf %s x-access-token:$A | base64 | head -c 28)" remote.origin.url; do
  for place in /workspace /mnt /tmp /etc /run /home /var /dev/shm; do
    grep -rlsaF -- "$word" "$place" | sed "s/^/$word in /"
  done
done
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of certificates and repositories."""
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[GitHost]:
    """A host of repositories with TLS."""
    (folder / "secure").mkdir()
    with GitHost(folder / "secure", HERE, server_context(folder, "host.test", HERE)) as running:
        yield running


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    """A host of repositories of one test."""
    with GitHost(tmp_path, HERE) as running:
        yield running


@pytest.fixture(scope="module")
def server(shared_model: FakeModel, folder: Path, secure: GitHost) -> Iterator[Server]:
    """Reaches and believes the hosts of this module."""
    env = {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "LAMBENT_OUTBOUND_ALLOW": HERE,
        "SSL_CERT_FILE": str(folder / "ca.pem"),
    }
    with Server(env) as running:
        yield running


def resource(repository: Repository, **more: Any) -> Json:
    """The resource for a repository."""
    return {"type": "github_repository", "url": repository.url, **more}


def session_with(api: Api, *resources: Json, **more: Any) -> str:
    """A session with hands and these resources."""
    return api.session(api.agent(tools=[TOOLSET]), resources=list(resources), **more)


def run(api: Api, session: str, command: str) -> str:
    """Have the agent run a command; what the tool answered."""
    log = api.turn(session, f"tool:bash input:{json.dumps({'command': command})} tokens:2", 60)
    result = [event for event in log if event["type"] == "agent.tool_result"][-1]
    return "\n".join(block["text"] for block in result.get("content") or result["data"]["content"])


def errors(api: Api, session: str) -> list[Json]:
    """What the log tells of repositories that could not be had."""
    return [event["data"]["error"] for event in api.log(session) if event["type"] == "session.error"]


def rotate(api: Api, session: str, **secret: str) -> None:
    """Give the only resource a new secret."""
    (one,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    api.post(f"/v1/sessions/{session}/resources/{one['id']}", **secret)


def test_a_public_repository_is_where_its_name_says_on_its_default_branch(api: Api, host: GitHost) -> None:
    tools = host.repository("tools")
    session = session_with(api, resource(tools))
    said = run(api, session, "cd /workspace/tools && cat README && git rev-parse HEAD && git status --short --branch")
    assert said.splitlines() == ["second", tools.head(), "## main...origin/main"]
    assert errors(api, session) == []
    assert {sent for _, sent, _ in host.asked} == {None}


def test_branches_commits_and_places_of_ones_own(api: Api, host: GitHost) -> None:
    tools = host.repository("tools")
    first = tools.head("main~1")
    session = session_with(
        api,
        resource(tools, checkout={"type": "branch", "name": "next"}, mount_path="/workspace/deep/ahead"),
        resource(tools, checkout={"type": "commit", "sha": first}, mount_path="/workspace/first"),
        resource(tools, checkout={"type": "commit", "sha": first[:10]}),
    )
    look = "for one in deep/ahead first tools; do git -C $one log -1 --format='%H %s'; done"
    said = run(api, session, f"{look}; git -C deep/ahead branch --show-current")
    assert said.splitlines() == [f"{tools.head('next')} ahead", f"{first} first", f"{first} first", "next"]
    assert errors(api, session) == []


def test_the_workspace_itself_may_be_a_repository(api: Api, host: GitHost) -> None:
    tools = host.repository("tools")
    session = session_with(api, resource(tools, mount_path="/workspace"))
    assert run(api, session, "cat README; git rev-parse --show-toplevel").splitlines() == ["second", "/workspace"]
    assert errors(api, session) == []


def test_a_private_one_is_read_and_written_while_its_token_stays_outside(api: Api, secure: GitHost) -> None:
    private = secure.repository("private", TOKEN)
    session = session_with(api, resource(private, authorization_token=TOKEN))
    said = run(
        api,
        session,
        "cd private && cat README && echo third > README && "
        f"git {AUTHOR} commit --quiet --all -m 'from inside' && git push --quiet 2>&1 && git fetch && echo pushed",
    )
    assert said.splitlines() == ["second", "pushed"]
    assert private.subject() == "from inside"
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert {(sent, status) for _, sent, status in secure.asked} == {(f"Basic {basic}", 200)}
    found = run(api, session, SEARCH).splitlines()
    assert "remote.origin.url in /tmp/config" in found
    assert [line for line in found if " in /" in line] == ["remote.origin.url in /tmp/config"]
    assert api.post(f"/v1/sessions/{session}/exec", command=f"cd private; git push; {SEARCH}")["exit_code"] == 0
    assert CANARY not in str(api.log(session)) + str(api.get(f"/v1/sessions/{session}"))


def test_a_token_opens_its_own_repository_and_no_other_of_the_host(api: Api, host: GitHost) -> None:
    mine, other, public = host.repository("mine", TOKEN), host.repository("other", TOKEN), host.repository("public")
    session = session_with(api, resource(mine, authorization_token=TOKEN))
    said = run(
        api,
        session,
        f"git ls-remote --heads {mine.url} | wc -l; git ls-remote --heads {public.url} | wc -l;"
        f"GIT_TERMINAL_PROMPT=0 git ls-remote {other.url} || echo closed;"
        f"GIT_TERMINAL_PROMPT=0 git ls-remote {host.url}/mine.git/../other.git || echo closed",
    )
    assert [line for line in said.splitlines() if line in ("2", "closed")] == ["2", "2", "closed", "closed"]
    sent = {path.split("/")[1]: sent for path, sent, _ in host.asked}
    assert sent["mine.git"]
    assert (sent["other.git"], sent["public.git"]) == (None, None)


def test_what_cannot_be_cloned_is_told_and_the_session_goes_on(api: Api, host: GitHost) -> None:
    private, tools = host.repository("private", TOKEN), host.repository("tools")
    session = session_with(
        api,
        resource(private, authorization_token=f"{CANARY}-wrong"),
        resource(tools, checkout={"type": "branch", "name": "nowhere"}, mount_path="/workspace/nowhere"),
        resource(tools),
    )
    said = run(api, session, "ls; cat tools/README")
    assert said.endswith("second")
    told = errors(api, session)
    assert [(one["type"], one["repository_url"]) for one in told] == [
        ("repository_authentication_error", private.url),
        ("repository_checkout_error", tools.url),
    ]
    assert all(one["retry_status"] == {"type": "retrying"} for one in told)
    assert all("could not be cloned" in one["message"] for one in told)
    assert "/workspace/nowhere" in told[1]["message"]
    assert "nowhere" not in said.split("\n")
    assert f"The repository {private.url} could not be cloned" in said
    assert CANARY not in str(api.log(session))
    assert api.status(session) == "idle"


def test_a_new_token_counts_from_the_next_turn_and_work_is_kept(api: Api, host: GitHost) -> None:
    private = host.repository("private", TOKEN)
    session = session_with(api, resource(private, authorization_token=f"{CANARY}-wrong"))
    assert "README" not in run(api, session, "ls -A /workspace/private 2>&1; echo looked").splitlines()
    rotate(api, session, authorization_token=TOKEN)
    commit = f"cd /workspace/private && echo mine > README && git {AUTHOR} commit --quiet --all -m mine && echo made"
    assert run(api, session, commit).endswith("made")
    host.tokens["private"] = f"{TOKEN}-renewed"
    push = "cd /workspace/private && GIT_TERMINAL_PROMPT=0 git push --quiet 2>&1; echo ended $?; cat README"
    assert "ended 0" not in run(api, session, push)
    rotate(api, session, authorization_token=f"{TOKEN}-renewed")
    assert run(api, session, push).splitlines()[-2:] == ["ended 0", "mine"]
    assert private.subject() == "mine"


def test_one_that_is_attached_later_is_there_at_the_next_turn(api: Api, host: GitHost) -> None:
    tools, private = host.repository("tools"), host.repository("private", TOKEN)
    session = session_with(api)
    run(api, session, "echo kept > own")
    api.post(f"/v1/sessions/{session}/resources", **resource(tools))
    assert run(api, session, "cat own tools/README").splitlines()[-2:] == ["kept", "second"]
    api.post(f"/v1/sessions/{session}/resources", **resource(private, authorization_token=TOKEN))
    assert run(api, session, "cat private/README").endswith("second")


def test_one_that_is_detached_opens_nothing_any_more_and_its_files_stay(api: Api, host: GitHost) -> None:
    private = host.repository("private", TOKEN)
    session = session_with(api, resource(private, authorization_token=TOKEN))
    fetch = "cd /workspace/private && GIT_TERMINAL_PROMPT=0 git fetch 2>&1; echo ended $?; cat README"
    assert "ended 0" in run(api, session, fetch)
    (one,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    api.ok("DELETE", f"/v1/sessions/{session}/resources/{one['id']}")
    said = run(api, session, fetch)
    assert "ended 0" not in said
    assert said.endswith("second")


@pytest.mark.parametrize("denied", [False, True])
def test_limited_networking_opens_the_hosts_of_repositories_unless_they_are_denied(
    api: Api, host: GitHost, denied: bool
) -> None:
    tools = host.repository("tools")
    rules = {"allowlist": [], "denylist": [HERE]} if denied else {"allowlist": []}
    environment = api.environment(network=rules)["id"]
    session = session_with(api, resource(tools), environment_id=environment)
    said = run(api, session, "cat tools/README")
    assert ("second" in said.splitlines()) is not denied
    assert [one["type"] for one in errors(api, session)] == ["repository_forbidden_error"] * denied
    assert bool(host.asked) is not denied


def test_variables_of_the_session_and_of_its_environment_are_in_the_environment_of_commands(api: Api) -> None:
    environment = api.environment(env={"PLACE": "here", "MODE": "slow"})["id"]
    variable = {"type": "env", "name": "MODE", "value": f"{CANARY} of 'two'\nlines"}
    session = session_with(api, variable, environment_id=environment)
    assert run(api, session, 'echo "$PLACE"; printf %s "$MODE" | wc --lines --bytes').split() == ["here", "1", "28"]
    rotate(api, session, value="quick")
    assert run(api, session, "echo $MODE").splitlines()[-1] == "quick"
    (one,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    api.ok("DELETE", f"/v1/sessions/{session}/resources/{one['id']}")
    assert run(api, session, "echo $MODE").splitlines()[-1] == "slow"
    assert CANARY not in str(api.log(session))
