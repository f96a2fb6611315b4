"""A tenant that entrusts a secret of every kind to the server, uses each one well and badly, and reads all it may.

Each chapter is about one kind. A chapter of a new kind is a function in ``CHAPTERS``.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from chalicelib.doors import all_doors
from tests.e2e.mcp.conftest import agent_for, bearer, oauth
from tests.fakes.providers import FakeProviders, Signed, github_comment, slack_message
from tests.fakes.providers.server import APPS, SLUG
from tests.support.api import SDK_HEADERS, Api, Json, wait_for
from tests.support.git_server import GitHost
from tests.support.mcp_server import McpSite
from tests.support.receiver import Receiver

CANARY = "kanarienvogel"
TOOLSET: Json = {"type": "agent_toolset_20260401"}
# The word is put together inside, for the command itself stands in the log.
ENDLESS = ("/stream", "/install", "agents/sessions/{session_id}/events")
SEARCH = """A=kanarien; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline > /tmp/processes 2> /dev/null
for place in /workspace /mnt /tmp /etc /run /home /var /dev/shm; do grep -rlsaF "${A}vogel" "$place"; done
echo searched"""


@dataclass
class World:
    """The places the secrets are for."""

    receiver: Receiver
    providers: FakeProviders
    site: McpSite
    git: GitHost


@dataclass
class Narrator:
    """Asks, and keeps what it was answered. ``hidden`` are the secrets by name, ``once`` those shown when made."""

    api: Api
    root_key: str
    world: World
    seen: list[str] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def secret(self, name: str) -> str:
        """A new secret."""
        return self.hide(f"{name} {len(self.hidden)}", f"{CANARY}-{next(self._numbers)}-end")

    def hide(self, name: str, text: str) -> str:
        """A secret that somebody else made."""
        self.hidden[name] = text
        return text

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """A request whose answer must show no secret."""
        answer = self.api.call(method, path, body, headers=headers)
        self.seen.append(answer.text + str(answer.headers))
        return answer

    def done(self, method: str, path: str, body: Any = None) -> Json:
        """One that must succeed."""
        answer = self.ask(method, path, body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        shown: Json = answer.json()
        return shown

    def shown_once(self, path: str, body: Json, name: str) -> Json:
        """Make something whose secret the answer shows, twice with the same key; it is shown nowhere else."""
        keyed = {"Idempotency-Key": f"{name}-{len(self.hidden)}"}
        made, again = (self.api.ok("POST", path, body, headers=keyed) for _ in range(2))
        assert made == again
        self.hide(f"{path} {name}", str(made[name]))
        return made

    def badly(self, path: str, body: Json) -> None:
        """Send a body with its secrets in wrong places, in wrong shapes, and as no JSON at all."""
        for wrong in mangled(body):
            self.ask("POST", path, wrong)
        for raw, kind in ((json.dumps(body)[:-1], {}), (json.dumps(json.dumps(body)), SDK_HEADERS), (str(body), {})):
            headers = {"content-type": "application/json"} | kind
            answer = self.api.client.post(path, content=raw, headers=headers)
            self.seen.append(answer.text)
            assert answer.status_code == 400, (path, raw, answer.text)

    def turn(self, session: str, text: str) -> str:
        """A turn of a session; its log."""
        log = json.dumps(self.api.turn(session, text, 60))
        self.seen.append(log)
        return log

    def run(self, session: str, command: str) -> str:
        """Have the agent run a command; the log."""
        return self.turn(session, f"tool:bash input:{json.dumps({'command': command})} tokens:2")


def mangled(body: Any) -> Iterator[Any]:
    """The body with each of its secrets in turn as a list, an object, with a line break and with a zero."""
    parts = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in parts:
        if isinstance(value, str) and CANARY in value:
            for wrong in ([value], {"v": value}, f"{value}\n", f"{value}\x00"):
                yield _with(body, key, wrong)
        for inner in mangled(value):
            yield _with(body, key, inner)


def _with(body: Any, key: Any, value: Any) -> Any:
    changed = body.copy()
    changed[key] = value
    return changed


def keys(story: Narrator) -> None:
    """API keys of tenants and environments, the operator's own, and such that are none."""
    key = story.shown_once("/v1/api_keys", {"name": "second"}, "key")
    rack = str(story.done("POST", "/v1/environments", {"name": "Rack", "config": {"type": "self_hosted"}})["id"])
    worker = story.shown_once(f"/v1/environments/{rack}/keys", {"name": "Rack"}, "key")
    made_up = story.hide("made up", f"{key['key'][:-12]}{CANARY[:12]}")
    story.hide("the operator's", story.root_key)
    story.hide("the tenant's", story.api.key)
    for one in (key["key"], worker["key"], made_up, story.secret("not even a key")):
        for path in (f"/v1/agents?x-api-key={one}&key={one}", f"/v1/environments/{rack}/work?token={one}"):
            for way in ({"x-api-key": one}, {"x-api-key": "", "authorization": f"Bearer {one}"}):
                story.ask("GET", path, **way)
    story.used.append(story.ask("GET", "/v1/agents", **{"x-api-key": key["key"]}).text)
    story.ask("DELETE", f"/v1/api_keys/{key['id']}")
    story.ask("GET", "/v1/agents", **{"x-api-key": key["key"]})


def webhooks(story: Narrator) -> None:
    """Secrets of webhooks, old and new, and an endpoint that repeats what it got while it fails."""
    url = f"{story.world.receiver.url}/all"
    made = story.shown_once("/v1/webhook_endpoints", {"url": url, "events": ["*"]}, "secret")
    path = f"/v1/webhook_endpoints/{made['id']}"
    rotated = story.api.post(f"{path}/rotate_secret")
    for number, whole in enumerate((made["secret"], rotated["secret"])):
        story.hide(f"webhook {number}", whole.removeprefix("whsec_"))
        story.hide(f"webhook bytes {number}", base64.b64decode(whole.removeprefix("whsec_")).hex())
    story.world.receiver.statuses["/all"] = [200, 500, 410]
    for _ in range(2):
        story.ask("POST", f"{path}/test")
    story.ask("POST", "/v1/webhook_endpoints", {"url": f"https://user:{story.secret('in a URL')}@127.0.0.1/"})


def vaults(story: Narrator) -> None:
    """Tokens of MCP servers: given, authorized, renewed, refused, repeated by it; and credentials sent badly."""
    site = story.world.site
    vault = str(story.done("POST", "/v1/vaults", {"name": "Keys"})["id"])
    path = f"/v1/vaults/{vault}/credentials"
    site.tokens = {story.secret("static")}
    fixed = str(story.done("POST", path, {"auth": bearer(site.url, *site.tokens)})["id"])
    leaky = agent_for(story.api, site.url)
    session = story.api.session(leaky, vault_ids=[vault])
    story.used.append(story.turn(session, "tool:mcp__site__leak input:{}"))
    for wrong in (story.secret("refused"), f"{story.secret('odd')}/+=&?%41"):
        story.done("POST", f"{path}/{fixed}", {"auth": {"token": wrong}})
        story.turn(session, 'tool:mcp__site__echo input:{"text": "hi"}')
    _renewed(story, vault, leaky)
    kept = {"type": "url", "name": "s", "url": site.url, "authorization_token": story.secret("inline")}
    story.badly("/v1/agents", {"name": "x", "model": "claude-test", "mcp_servers": [kept]})
    story.ask("POST", "/v1/agents", {"name": "x", "model": "claude-test", "mcp_servers": [kept]})
    for auth in _auths(story):
        story.badly(path, {"auth": auth})
        for _ in range(2):
            story.ask("POST", path, {"auth": auth})


def _auths(story: Narrator) -> list[Json]:
    refresh = {
        "client_id": "app",
        "refresh_token": story.secret("refresh"),
        "token_endpoint": "https://b.example/token",
        "token_endpoint_auth": {"type": "client_secret_post", "client_secret": story.secret("client")},
    }
    mine: Json = {"mcp_server_url": "https://b.example/mcp", "access_token": story.secret("access"), "refresh": refresh}
    variable = {"secret_name": "KEY", "secret_value": story.secret("variable"), "networking": {"type": "unrestricted"}}
    return [
        {"type": "static_bearer", "mcp_server_url": "https://a.example/mcp", "token": story.secret("bearer")},
        {"type": "mcp_oauth"} | mine,
        {"type": "cap_cli", "cli_id": "gh", "token": story.secret("cli"), "extras": {"X": story.secret("extra")}},
        {"type": "environment_variable"} | variable,
    ]


def _renewed(story: Narrator, vault: str, agent: Json) -> None:
    """A person authorizes; then the server refuses, the token is renewed, and renewing fails with an echo."""
    site = story.world.site
    other = str(story.done("POST", "/v1/vaults", {"name": "Authorized"})["id"])
    query = f"mcp_server_url={site.url}&vault_id={other}"
    away = story.api.call("GET", f"/v1/oauth/authorize?{query}")
    back = httpx2.get(away.headers["location"]).headers["location"]
    story.seen.append(httpx2.get(back).text)
    story.seen.append(httpx2.get(back).text)
    auth = oauth(site, auth="client_secret_post")
    story.hide("a client's", "client secret & more")
    own = str(story.done("POST", "/v1/vaults", {"name": "Own"})["id"])
    story.done("POST", f"/v1/vaults/{own}/credentials", {"auth": auth})
    for kept in (other, own):
        session = story.api.session(agent, vault_ids=[kept])
        site.oauth.access.clear()
        story.used.append(story.turn(session, "tool:mcp__site__leak input:{}"))
        site.oauth.refuses = 503
        site.oauth.access.clear()
        story.turn(session, "tool:mcp__site__leak input:{}")
        site.oauth.refuses = 0
        (one,) = story.done("GET", f"/v1/vaults/{kept}/credentials")["data"]
        story.ask("POST", f"/v1/vaults/{kept}/credentials/{one['id']}/mcp_oauth_validate", None, **SDK_HEADERS)
    for number in range(1, site.oauth.issued + 1):
        story.hide(f"issued {number}", f"access-token-{number}")
        story.hide(f"issued renewal {number}", f"refresh-token-{number}")
    for number in range(len(site.oauth.codes) + 1):
        story.hide(f"code {number}", f"code-{number + 1}")


def resources(story: Narrator) -> None:
    """Tokens of repositories, right and wrong, and variables; of sessions and of deployments."""
    token = story.secret("repository")
    good, shut = story.world.git.repository("good", token), story.world.git.repository("shut", "another")
    sent: list[Json] = [
        {"type": "github_repository", "url": good.url, "authorization_token": token},
        {"type": "github_repository", "url": shut.url, "authorization_token": story.secret("wrong repository")},
    ]
    agent = story.api.agent(tools=[TOOLSET])
    session = story.api.session(agent, resources=sent)
    story.used.append(story.run(session, "cat /workspace/good/README; git -C /workspace/good fetch 2>&1"))
    story.inside.append(story.run(session, SEARCH))
    first = story.done("GET", f"/v1/sessions/{session}/resources")["data"][0]["id"]
    path = f"/v1/sessions/{session}/resources"
    story.badly(f"{path}/{first}", {"authorization_token": story.secret("rotated")})
    story.done("POST", f"{path}/{first}", {"authorization_token": story.secret("rotated")})
    story.run(session, "git -C /workspace/good fetch 2>&1; true")
    variable = {"type": "env", "name": "HIDDEN_KEY", "value": story.secret("variable of a session")}
    story.badly(path, variable)
    environment = story.api.environment()["id"]
    basis = {"name": "Nightly", "agent": agent["id"], "environment_id": environment}
    deployment = basis | {
        "initial_events": [{"type": "user.message", "content": "tokens:1"}],
        "resources": [sent[1] | {"authorization_token": story.secret("of a deployment")}, variable],
    }
    story.badly("/v1/deployments", deployment)
    made = story.done("POST", "/v1/deployments", deployment)
    ran = story.done("POST", f"/v1/deployments/{made['id']}/run")
    story.api.wait_idle(ran["session_id"])


def integrations(story: Narrator) -> None:
    """Apps of the operator and of the tenant, their tokens and codes, and a person's token."""
    fake, place = story.world.providers, "/v1/integrations"
    account = fake.account("github")
    _follow(story, story.done("GET", f"{place}/github/install")["redirect_url"] + f"&account={account}")
    published = {"agent_id": story.api.agent()["id"], "environment_id": story.api.environment()["id"]}
    story.done("POST", f"{place}/github/publications", published)
    app = {"client_id": "own", "client_secret": "slack-client-secret", "webhook_secret": story.secret("signing")}
    made = story.done("POST", f"{place}/slack/start-a1", published)
    named = {"publication_id": made["id"]}
    wrong = app | {"client_secret": story.secret("app")}
    story.badly(f"{place}/slack/credentials", named | wrong)
    for good in (wrong, app):
        story.done("POST", f"{place}/slack/credentials", named | good)
        link = story.done("POST", f"{place}/slack/handoff-link", named)["url"]
        team = fake.account("slack")
        _follow(story, f"{link}&account={team}")
    story.used.append(story.done("GET", f"{place}/slack/publications/{made['id']}")["status"])
    linear = story.done("POST", f"{place}/linear/publications", published)
    token = {"publication_id": linear["id"], "token": fake.token(fake.account("linear"))["access_token"]}
    story.done("POST", f"{place}/linear/personal-token", token)
    made_up = token | {"token": story.secret("of a person")}
    story.ask("POST", f"{place}/linear/personal-token", made_up)
    story.badly(f"{place}/linear/personal-token", made_up)
    fake.refuse("github", 500)
    heard = fake.signed("github", github_comment(account, f'@{SLUG} say:"heard-there"'))
    _deliver(story, f"/github/webhook/app/{APPS['github']}", heard)
    message = slack_message(team, 'say:"heard-here"')
    _deliver(story, made["webhook_url"], fake.signed("slack", message, secret=app["webhook_secret"]))
    _deliver(story, made["webhook_url"], fake.signed("slack", message, secret="another"))
    wait_for(lambda: fake.of("heard-there") and fake.of("heard-here"), "answers at the providers")
    for number, text in enumerate((*fake.tokens, *fake.refreshing, *fake.codes)):
        story.hide(f"provider's {number}", text)


def _follow(story: Narrator, url: str) -> None:
    with httpx2.Client(follow_redirects=True, verify=False, timeout=30) as person:
        story.seen.append(person.get(url).text)


def _deliver(story: Narrator, url: str, sent: Signed) -> None:
    answer = story.api.client.post(url, content=sent.body, headers=sent.headers)
    story.seen.append(answer.text)


def people(story: Narrator) -> None:
    """Links on which users enrol."""
    made = story.done("POST", "/v1/user_profiles", {"name": "Ada"})
    body = {"action": {"type": "enroll_end_user"}}
    url = str(story.api.ok("POST", f"/v1/user_profiles/{made['id']}/action_urls", body, headers=SDK_HEADERS)["url"])
    story.hide("a link's", url.rpartition("/")[2].rpartition("=")[2])
    with httpx2.Client(verify=False) as person:
        story.used.append(person.get(url).text)
        person.post(url)


def sandboxes(story: Narrator) -> None:
    """What opens a sandbox that was made with it."""
    made = story.api.ok("POST", "/sandboxes", {"templateID": "base", "secure": True, "timeout": 60})
    story.hide("a sandbox's", str(made["envdAccessToken"]))
    for token in (made["envdAccessToken"], story.secret("of no sandbox")):
        headers = {"x-access-token": token, "e2b-sandbox-id": made["sandboxID"], "e2b-sandbox-port": "49983"}
        path = f"/files?path=/etc/hostname&signature={token}&username=user"
        story.seen.append(story.api.client.get(path, headers=headers).text)
    story.ask("DELETE", f"/sandboxes/{made['sandboxID']}")


CHAPTERS: list[Callable[[Narrator], None]] = [
    keys,
    webhooks,
    vaults,
    resources,
    integrations,
    people,
    sandboxes,
]


def read_everything(story: Narrator) -> set[str]:
    """Ask every route that reads, of all doors, for what the lists above it know; the paths that answered."""
    paths = {route.path for door in all_doors() for route in door.routes if "GET" in route.methods}
    paths = {path for path in paths if not path.endswith(ENDLESS) and not path.startswith("/v1/agents/")}
    known, answered = [(path, path) for path in paths if "{" not in path], set[str]()
    while known:
        path, url = known.pop()
        found = _read(story, url)
        if found is not None:
            answered.add(path)
        rows = found.get("data", []) if isinstance(found, dict) else []
        known += [(deeper, f"{url}/{row.get('id')}{rest}") for row in rows[:4] for deeper, rest in _below(paths, path)]
    return answered


def _below(paths: set[str], path: str) -> list[tuple[str, str]]:
    """Routes of one thing of a list, and what follows the thing in them."""
    routes = [(one, one[len(path) :].partition("}")[2]) for one in paths if one.startswith(f"{path}/{{")]
    return [(one, rest) for one, rest in routes if "{" not in rest]


def _read(story: Narrator, url: str) -> Any:
    for kind in (SDK_HEADERS, {}):
        answer = story.ask("GET", url, **kind)
    return answer.json() if "json" in answer.headers.get("content-type", "") and answer.status_code < 300 else None


def state_of(folder: Path) -> dict[str, bytes]:
    """What the server keeps, by file."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
