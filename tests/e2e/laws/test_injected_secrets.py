"""A secret of an environment variable works at the hosts it is for, and is nowhere else: not in the sandbox, not at
other hosts, in no answer, event, log line or stored byte. A new value counts from the next turn; an archived one ends.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.e2e.laws.conftest import model_env
from tests.e2e.laws.echoes import GOOD, OTHER, Echoes, Trust, echoes, made_trust
from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api, Json
from tests.support.server import Server

CANARY = "kanarienvogel"
# It is written differently in JSON, in forms, in URLs and in HTML.
FIRST, SECOND, NARROW = f'{CANARY}-1/+"&=', f"{CANARY}-2-renewed", f"{CANARY}-3-narrow"
PLACEHOLDER = re.compile(r"lbt_placeholder_[0-9a-f]{32}")
TOOLSET: Json = {"type": "agent_toolset_20260401"}
MARK = "zeisig in the workspace"
HAVING = """ask() { curl --silent --show-error --include --max-time 15 "$@"; echo; }
"""
# The word is put together inside, for the command itself stands in the log.
SEARCH = """cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline > /tmp/processes 2> /dev/null
for word in "${A}vogel" lbt_placeholder_; do
  for place in /workspace /mnt /tmp /etc /run /home /var /dev/shm; do
    grep -rlsaF "$word" "$place" | sed "s/^/$word in /"
  done
done
"""


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Certificates of both hosts."""
    return made_trust(tmp_path_factory.mktemp("tls"))


def settings(model: FakeModel, trust: Trust) -> dict[str, str]:
    """Those of a server that may reach both hosts, believes their certificates, and logs all it can."""
    more = {"SSL_CERT_FILE": str(trust.bundle), "LAMBENT_OUTBOUND_ALLOW": f"{GOOD},{OTHER}", "LOG_LEVEL": "DEBUG"}
    return model_env(model) | more


@pytest.fixture(scope="module")
def trusting(shared_model: FakeModel, trust: Trust) -> Iterator[Server]:
    """A server for the tests that do not look at what it keeps."""
    with Server(settings(shared_model, trust)) as running:
        yield running


@pytest.fixture
def hosts(trust: Trust) -> Iterator[Echoes]:
    """The servers of one test."""
    with echoes(trust) as running:
        yield running


@pytest.fixture
def owner(trusting: Server) -> Iterator["Owner"]:
    """A tenant of its own with a vault and a session."""
    api = Api(trusting.url, trusting.tenant())
    yield Owner(api)
    api.close()


class Owner:
    """A tenant whose session uses one vault; the value in it is for the good host alone."""

    def __init__(self, api: Api, **auth: object) -> None:
        self.api = api
        self.vault = str(api.post("/v1/vaults", name="Keys")["id"])
        self.key = self.store("SERVICE_KEY", FIRST, **auth)
        self.session = api.session(api.agent(tools=[TOOLSET]), vault_ids=[self.vault])

    def store(self, name: str, value: str, **auth: object) -> str:
        """Put a value into the vault; the credential's id."""
        rules = {"networking": {"type": "limited", "allowed_hosts": [GOOD]}} | auth
        whole = {"type": "environment_variable", "secret_name": name, "secret_value": value, **rules}
        return str(self.api.post(f"/v1/vaults/{self.vault}/credentials", auth=whole)["id"])

    def change(self, **auth: object) -> None:
        """Change the credential."""
        self.api.post(f"/v1/vaults/{self.vault}/credentials/{self.key}", auth=auth)

    def run(self, command: str) -> str:
        """Have the agent run a command; what the tool answered."""
        log = self.api.turn(self.session, f"tool:bash input:{json.dumps({'command': HAVING + command})} tokens:2", 60)
        result = [event for event in log if event["type"] == "agent.tool_result"][-1]
        content = result.get("content") or result["data"]["content"]
        return "\n".join(block["text"] for block in content)


def bearer(hosts: Echoes, name: str, variable: str = "SERVICE_KEY") -> str:
    """The command that sends a variable as a bearer token."""
    return f'ask {hosts.url(name)} -H "Authorization: Bearer ${variable}"'


def posted(hosts: Echoes, name: str, variable: str = "SERVICE_KEY") -> str:
    """The command that sends a variable in a header and in a body of JSON."""
    body = f"""--json "{{\\"key\\": \\"${variable}\\"}}" """
    return f"{bearer(hosts, name, variable)} {body}"


def layers(raw: bytes) -> Iterator[bytes]:
    """Stored bytes, and what is packed inside of them."""
    yield raw
    with suppress(zlib.error):
        yield zlib.decompress(raw)
    for coded in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", raw):
        with suppress(ValueError, zlib.error):
            plain = base64.b64decode(coded)
            yield plain
            yield zlib.decompress(plain)


@pytest.mark.parametrize("name", ["good", "good_tls"])
def test_the_value_reaches_its_host_in_headers_and_bodies_and_is_not_handed_back(
    owner: Owner, hosts: Echoes, name: str
) -> None:
    said = owner.run(f"echo holding $SERVICE_KEY; {posted(hosts, name)}")
    (heard,) = hosts.heard(name)
    assert heard.headers["authorization"] == f"Bearer {FIRST}"
    assert json.loads(heard.body) == {"key": FIRST}
    assert PLACEHOLDER.search(said)
    assert "200 OK" in said
    assert "*" * len(FIRST) in said
    assert CANARY not in said


def test_the_token_of_a_program_is_for_its_hosts_alone(owner: Owner, hosts: Echoes) -> None:
    auth = {"type": "cap_cli", "cli_id": "gh", "token": FIRST}
    owner.api.post(f"/v1/vaults/{owner.vault}/credentials", auth=auth)
    said = owner.run(f"echo holding $GH_TOKEN; {bearer(hosts, 'good', 'GH_TOKEN')}")
    (heard,) = hosts.heard("good")
    assert PLACEHOLDER.fullmatch(heard.headers["authorization"].removeprefix("Bearer "))
    assert f"holding {heard.headers['authorization'].removeprefix('Bearer ')}" in said
    assert CANARY not in said


@pytest.mark.parametrize("name", ["other", "other_tls"])
def test_another_host_gets_the_placeholder(owner: Owner, hosts: Echoes, name: str) -> None:
    said = owner.run(posted(hosts, name) + f'-H "Host: {GOOD}"')
    owner.run(posted(hosts, name))
    assert "200 OK" in said or "403 Forbidden" in said
    assert hosts.heard(name)
    for heard in hosts.heard(name):
        assert PLACEHOLDER.fullmatch(heard.headers["authorization"].removeprefix("Bearer "))
        assert PLACEHOLDER.fullmatch(json.loads(heard.body)["key"])


def test_each_place_may_be_closed(trusting: Server, hosts: Echoes) -> None:
    api = Api(trusting.url, trusting.tenant())
    owner = Owner(api, injection_location={"header": True})
    owner.store("BODY_KEY", NARROW, injection_location={"body": True})
    for name in ("good", "good_tls"):
        said = owner.run(f"{posted(hosts, name)}; {posted(hosts, name, 'BODY_KEY')}")
        assert CANARY not in said
        by_header, by_body = hosts.heard(name)
        assert by_header.headers["authorization"] == f"Bearer {FIRST}"
        assert PLACEHOLDER.fullmatch(json.loads(by_header.body)["key"])
        assert PLACEHOLDER.fullmatch(by_body.headers["authorization"].removeprefix("Bearer "))
        assert json.loads(by_body.body) == {"key": NARROW}
    api.close()


def test_a_new_value_and_new_hosts_count_from_the_next_turn(owner: Owner, hosts: Echoes) -> None:
    before = owner.run(f"echo $SERVICE_KEY; {bearer(hosts, 'good_tls')}")
    owner.change(secret_value=SECOND)
    after = owner.run(f"echo $SERVICE_KEY; {bearer(hosts, 'good_tls')}")
    assert [heard.headers["authorization"] for heard in hosts.heard("good_tls")] == [
        f"Bearer {FIRST}",
        f"Bearer {SECOND}",
    ]
    assert PLACEHOLDER.findall(before)[0] == PLACEHOLDER.findall(after)[0]
    owner.change(networking={"type": "limited", "allowed_hosts": [OTHER]})
    owner.run(f"{bearer(hosts, 'good')}; {bearer(hosts, 'other')}")
    assert hosts.heard("other")[0].headers["authorization"] == f"Bearer {SECOND}"
    assert CANARY not in str(hosts.heard("good"))


@pytest.mark.parametrize("whole_vault", [False, True])
def test_an_archived_one_ends_with_the_turn(owner: Owner, hosts: Echoes, whole_vault: bool) -> None:
    owner.run(f"echo $SERVICE_KEY > held; {bearer(hosts, 'good')}")
    path = f"/v1/vaults/{owner.vault}" + ("" if whole_vault else f"/credentials/{owner.key}")
    owner.api.post(f"{path}/archive")
    said = owner.run(f"echo set: ${{SERVICE_KEY-no}}; HELD=$(cat held); {bearer(hosts, 'good', 'HELD')}")
    first, second = hosts.heard("good")
    assert first.headers["authorization"] == f"Bearer {FIRST}"
    assert PLACEHOLDER.fullmatch(second.headers["authorization"].removeprefix("Bearer "))
    assert "set: no" in said


@dataclass
class Story:
    """What was seen of a session whose agent used a secret everywhere it could, and what the server kept of it."""

    heard: str
    inside: str
    seen: str
    model: str
    log: str
    state: dict[str, list[bytes]]


@pytest.fixture(scope="module")
def story(shared_model: FakeModel, trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    shared_model.reset()
    folder = tmp_path_factory.mktemp("state")
    with Server(settings(shared_model, trust), folder) as server, echoes(trust) as hosts:
        api = Api(server.url, server.tenant())
        owner = Owner(api)
        inside = [_used(owner, hosts), owner.run(f"A=kanarien; {SEARCH}")]
        owner.change(secret_value=SECOND)
        inside += [_used(owner, hosts), owner.run(f"A=kanarien; {SEARCH}")]
        seen = _answers(owner)
        api.close()
        server.kill()
        files = [path for path in folder.rglob("*") if path.is_file()]
        state = {path.relative_to(folder).as_posix(): list(layers(path.read_bytes())) for path in files}
        heard = str([hosts.heard(name) for name in hosts.webs])
        yield Story(heard, "\n".join(inside), seen, str(shared_model.requests), server.log(), state)


def _used(owner: Owner, hosts: Echoes) -> str:
    """Send the value wherever one can, and keep what comes back in files."""
    asked = "; ".join(posted(hosts, name) for name in hosts.webs)
    kept = "mkdir -p /mnt/session/outputs; cp answers /mnt/session/outputs/answers"
    return owner.run(f"echo {MARK} > mark; env; {{ {asked}; }} > answers 2>&1; cat answers; {kept}")


def _answers(owner: Owner) -> str:
    """All the server tells of the session and the vault, to clients of both kinds."""
    session = f"/v1/sessions/{owner.session}"
    seen = [owner.api.post(f"{session}/exec", command="env; cat answers")["output"]]
    seen.append(owner.api.call("POST", f"{session}/files", {"path": "/workspace/answers"}).text)
    paths = [f"{session}{end}" for end in ("", "/events", "/log", "/resources", "/outputs", "/outputs/answers")]
    paths += [f"/v1/vaults/{owner.vault}{end}" for end in ("", "/credentials", f"/credentials/{owner.key}")]
    files = owner.api.get("/v1/files", scope_id=owner.session)["data"]
    paths += [f"/v1/files/{one['id']}/content" for one in files]
    return "\n".join(
        seen + [owner.api.call("GET", path, headers=kind).text for path in paths for kind in ({}, SDK_HEADERS)]
    )


def test_the_story_is_one_in_which_the_value_was_used(story: Story) -> None:
    for value in (FIRST, SECOND):
        assert f"Bearer {value}" in story.heard
    assert story.inside.count("200 OK") == 8
    assert len(PLACEHOLDER.findall(story.seen)) > 4


def test_nothing_inside_holds_the_value(story: Story) -> None:
    found = [line for line in story.inside.splitlines() if " in /" in line]
    assert "lbt_placeholder_ in /tmp/processes" in found
    assert "lbt_placeholder_ in /workspace/answers" in found
    assert not [line for line in found if line.startswith(CANARY)]
    assert CANARY not in story.inside


def test_no_answer_and_no_event_holds_the_value(story: Story) -> None:
    assert CANARY not in story.seen


def test_the_model_never_sees_the_value(story: Story) -> None:
    assert PLACEHOLDER.search(story.model)
    assert CANARY not in story.model


def test_no_log_line_holds_the_value(story: Story) -> None:
    assert "closed after" in story.log
    assert CANARY not in story.log


def test_no_stored_byte_holds_the_value(story: Story) -> None:
    def holding(word: str) -> set[str]:
        return {
            name.partition("/")[0] for name, parts in story.state.items() if any(word.encode() in one for one in parts)
        }

    assert "objects" in holding(MARK)
    assert "objects" in holding("lbt_placeholder_")
    assert len(holding("lbt_placeholder_")) > 1
    assert holding(CANARY) == set()
