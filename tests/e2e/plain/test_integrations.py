"""Integrations: an agent is published at a provider, somebody there speaks to it, and it answers there once.

What is not signed by the provider has no effect, what comes twice counts once, and tokens are never shown."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.fakes.providers import FakeProviders, Post, Signed, github_comment, linear_comment, slack_message
from tests.fakes.providers.server import APPS, SLUG
from tests.support.api import Api, Json, wait_for
from tests.support.server import Server

ALL = "/v1/integrations"
NAMES = ("linear", "github", "slack")


@dataclass
class Desk:
    """A tenant that has let the app in at a provider, with an agent published there."""

    api: Api
    fake: FakeProviders
    provider: str
    account: str = ""
    publication: Json | None = None

    @property
    def place(self) -> str:
        """The path of the provider."""
        return f"{ALL}/{self.provider}"

    def install(self, account: str | None = None) -> httpx2.Response:
        """Walk the whole way through the provider and back."""
        self.account = account or self.fake.account(self.provider)
        url = self.api.get(f"{self.place}/install")["redirect_url"]
        return follow(url + f"&account={self.account}")

    def publish(self, **fields: Any) -> Json:
        """Publish a new agent."""
        agent = fields.pop("agent", None) or self.api.agent()
        environment = self.api.environment()["id"]
        self.publication = self.api.post(
            f"{self.place}/publications", agent_id=agent["id"], environment_id=environment, **fields
        )
        return self.publication

    def hear(self, sent: Signed) -> httpx2.Response:
        """Deliver a message to the operator's app."""
        path = f"/{self.provider}/webhook/app/{APPS[self.provider]}"
        with httpx2.Client(base_url=self.api.url, verify=False, timeout=30) as client:
            return client.post(path, content=sent.body, headers=sent.headers)

    def say(self, words: str, **more: Any) -> Signed:
        """Somebody speaks to the agent; the message, which was taken."""
        if self.provider == "github":
            sent = self.fake.signed("github", github_comment(self.account, f"@{SLUG} {words}", **more))
        elif self.provider == "slack":
            sent = self.fake.signed("slack", slack_message(self.account, f"<@UBOT> {words}", **more))
        else:
            sent = self.fake.signed("linear", linear_comment(self.account, f"@Robin {words}", **more))
        answer = self.hear(sent)
        assert (answer.status_code, answer.json()) == (200, {"ok": True}), answer.text
        return sent

    def answers(self, words: str, many: int = 1) -> list[Post]:
        """Until the agent's words were posted."""
        found: list[Post] = wait_for(lambda: _enough(self.fake.of(words), many), f"{many} answers of {words!r}")
        return found

    def sessions(self) -> list[Json]:
        """The tenant's sessions, newest first."""
        rows: list[Json] = self.api.get("/v1/sessions")["data"]
        return rows


def _enough(posts: list[Post], many: int) -> list[Post]:
    return posts if len(posts) >= many else []


def follow(url: str) -> httpx2.Response:
    """As a browser does."""
    with httpx2.Client(follow_redirects=True, verify=False, timeout=30, headers={"accept": "text/html"}) as client:
        return client.get(url)


def words(name: str) -> tuple[str, str]:
    """A directive for the model, and what it then says."""
    return f'say:"answer-{name}"', f"answer-{name}"


@pytest.fixture(params=NAMES)
def desk(request: pytest.FixtureRequest, api: Api, providers: FakeProviders, model: FakeModel) -> Desk:
    made = Desk(api, providers, request.param)
    assert made.install().status_code == 200
    made.publish(persona={"name": "Robin", "avatarUrl": "https://example.com/r.png"})
    return made


@pytest.fixture
def hub(api: Api, providers: FakeProviders, model: FakeModel) -> Desk:
    made = Desk(api, providers, "github")
    assert made.install().status_code == 200
    made.publish()
    return made


@pytest.fixture
def stranger(server: Server) -> Iterator[Api]:
    client = Api(server.url, server.tenant("Stranger"))
    yield client
    client.close()


def test_three_integrations_are_listed(api: Api) -> None:
    data = api.get(ALL)["data"]
    assert [one["id"] for one in data] == list(NAMES)
    assert [one["name"] for one in data] == ["Linear", "GitHub", "Slack"]
    assert all(one["configured"] and not one["installed"] and one["installations"] == [] for one in data)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/install"),
        ("POST", "/uninstall"),
        ("GET", "/publications"),
        ("POST", "/publications"),
        ("DELETE", "/publications/pub_00000000000000000000000000000000"),
        ("GET", "/installations"),
        ("POST", "/start-a1"),
    ],
)
def test_an_unknown_integration_is_not_found(api: Api, method: str, path: str) -> None:
    body = {"agent_id": "agent_x", "environment_id": "env_x"} if method == "POST" else None
    answer = api.call(method, f"{ALL}/trello{path}", body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


def test_what_is_said_to_a_published_agent_is_answered_where_it_was_said(desk: Desk) -> None:
    assert desk.publication is not None
    assert desk.publication["status"] == "live"
    directive, answer = words(desk.account)
    desk.say(directive)
    posts = desk.answers(answer)
    assert [one.provider for one in posts] == [desk.provider]
    assert posts[0].text.startswith(answer)
    [session] = desk.sessions()
    assert session["agent"]["id"] == desk.publication["agent_id"]
    asked = [event for event in desk.api.log(session["id"]) if event["type"] == "user.message"]
    assert directive in asked[0]["content"][0]["text"]
    places: dict[str, Json] = {
        "github": {"repository": "acme/site", "number": 7},
        "slack": {"channel": "C1", "team": desk.account},
        "linear": {"issueId": "issue-1", "organization": desk.account},
    }
    assert places[desk.provider].items() <= posts[0].place.items()


def test_a_message_that_comes_twice_counts_once(desk: Desk) -> None:
    directive, answer = words(desk.account)
    sent = desk.say(directive)
    desk.answers(answer)
    assert desk.hear(sent).json() == {"ok": True}
    other, after = words(f"after-{desk.account}")
    thread = desk.fake.of(answer)[0].place.get("thread")
    desk.say(other, **({"thread": thread} if thread else {}))
    desk.answers(after)
    assert len(desk.fake.of(answer)) == 1
    [session] = desk.sessions()
    assert [event["type"] for event in desk.api.log(session["id"])].count("user.message") == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_message_that_is_not_signed_has_no_effect(api: Api, providers: FakeProviders, name: str) -> None:
    desk = Desk(api, providers, name)
    desk.install()
    desk.publish(persona={"name": "Robin"})
    makers: dict[str, Callable[..., Json]] = {
        "github": github_comment,
        "slack": slack_message,
        "linear": linear_comment,
    }
    message = makers[name](desk.account, f"@Robin @{SLUG} hello")
    good = providers.signed(name, message)
    bad = providers.signed(name, message, secret="another secret")
    tampered = Signed(good.headers, good.body.replace(b"hello", b"hallo"))
    bare = Signed({"content-type": "application/json"}, good.body)
    elsewhere = {**good.headers}
    answers = [desk.hear(one) for one in (bad, tampered, bare)]
    assert [one.status_code for one in answers] == [401, 401, 401]
    with httpx2.Client(base_url=api.url, verify=False) as client:
        wrong = client.post(f"/{name}/webhook/app/other", content=good.body, headers=elsewhere)
        unknown = client.post(f"/{name}/webhook/pub/pub_{'0' * 32}", content=good.body, headers=elsewhere)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert desk.sessions() == []


def test_an_old_message_has_no_effect(api: Api, providers: FakeProviders) -> None:
    slack, linear = Desk(api, providers, "slack"), Desk(api, providers, "linear")
    late = providers.signed("slack", slack_message("T1", "hello"), age=301)
    assert slack.hear(late).status_code == 401
    message = linear_comment("O1", "hello")
    message["webhookTimestamp"] -= 61_000
    assert linear.hear(providers.signed("linear", message)).status_code == 401


def test_questions_of_providers_are_answered(api: Api, providers: FakeProviders) -> None:
    asked = providers.signed("slack", {"type": "url_verification", "challenge": "abc"})
    assert Desk(api, providers, "slack").hear(asked).json() == {"challenge": "abc"}
    ping = providers.signed("github", {"zen": "Keep it."}, event="ping")
    assert Desk(api, providers, "github").hear(ping).json() == {"ok": True}


def test_a_conversation_goes_on_in_its_session_and_others_have_their_own(hub: Desk) -> None:
    directive, first = words(f"one-{hub.account}")
    hub.say(directive)
    hub.answers(first)
    followed, second = words(f"two-{hub.account}")
    unnamed = hub.fake.signed("github", github_comment(hub.account, followed))
    assert hub.hear(unnamed).status_code == 200
    hub.answers(second)
    assert len(hub.sessions()) == 1
    other, third = words(f"three-{hub.account}")
    hub.say(other, number=8)
    hub.answers(third)
    assert len(hub.sessions()) == 2


def test_only_what_is_meant_for_the_agent_wakes_it(hub: Desk) -> None:
    for comment in (
        github_comment(hub.account, "nobody is meant"),
        github_comment(hub.account, f"@{SLUG} by a stranger", by="NONE"),
        github_comment(hub.account, f"@{SLUG} by a bot", bot=True),
        github_comment(hub.account, f"mail@{SLUG}.example @{SLUG}-other"),
        github_comment(hub.fake.account("github"), f"@{SLUG} elsewhere"),
    ):
        assert hub.hear(hub.fake.signed("github", comment)).status_code == 200
    assert hub.sessions() == []


def test_what_others_say_in_the_session_is_not_posted(hub: Desk) -> None:
    directive, first = words(f"public-{hub.account}")
    hub.say(directive)
    hub.answers(first)
    [session] = hub.sessions()
    hub.api.wait_idle(session["id"])
    private, secret = words(f"private-{hub.account}")
    hub.api.turn(session["id"], private)
    again, third = words(f"again-{hub.account}")
    hub.say(again)
    hub.answers(third)
    assert hub.fake.of(secret) == []


def test_an_ended_session_is_followed_by_another(hub: Desk) -> None:
    directive, first = words(f"before-{hub.account}")
    hub.say(directive)
    hub.answers(first)
    [session] = hub.sessions()
    hub.api.wait_idle(session["id"])
    hub.api.post(f"/v1/sessions/{session['id']}/archive")
    other, second = words(f"behind-{hub.account}")
    hub.say(other)
    hub.answers(second)
    assert [one["id"] for one in hub.sessions()] != [session["id"]]


def test_a_failed_turn_is_told_without_its_reason(hub: Desk) -> None:
    hub.say(f"error:400 {hub.account}", number=int(hub.account))
    [post] = wait_for(lambda: [one for one in hub.fake.posts if one.place.get("number") == int(hub.account)], "it")
    assert post.text.startswith("The agent could not finish this.")


def test_unpublishing_ends_it(hub: Desk) -> None:
    assert hub.publication is not None
    path = f"{hub.place}/publications/{hub.publication['id']}"
    assert hub.api.ok("DELETE", path) == {"id": hub.publication["id"], "status": "unpublished"}
    assert hub.api.call("DELETE", path).status_code == 404
    assert hub.api.get(f"{hub.place}/publications")["data"] == []
    shown = hub.api.get(path)
    assert (shown["status"], shown["unpublished_at"] is None) == ("unpublished", False)
    hub.say("hello")
    assert hub.sessions() == []


def test_a_publication_is_read_changed_and_listed(desk: Desk) -> None:
    api, made = desk.api, desk.publication
    assert made is not None
    assert made["persona"] == {"name": "Robin", "avatarUrl": "https://example.com/r.png"}
    path = f"{desk.place}/publications/{made['id']}"
    assert api.get(path) == made
    changed = api.ok("PATCH", path, {"persona": {"name": "Wren"}, "capabilities": ["issue.read"]})
    assert changed == made | {"persona": {"name": "Wren", "avatarUrl": None}, "capabilities": ["issue.read"]}
    [installation] = api.get(f"{desk.place}/installations")["data"]
    assert (installation["id"], installation["workspace_id"]) == (made["installation_id"], desk.account)
    for listing in (f"installations/{installation['id']}/publications", f"agents/{made['agent_id']}/publications"):
        assert api.get(f"{desk.place}/{listing}")["data"] == [changed]
    assert api.get(f"{desk.place}/publications", status="pending")["data"] == []
    assert api.call("GET", f"{desk.place}/publications?status=live").status_code == 400


def test_an_agent_that_may_not_write_is_not_heard(hub: Desk) -> None:
    assert hub.publication is not None
    hub.api.ok("PATCH", f"{hub.place}/publications/{hub.publication['id']}", {"capabilities": ["issue.read"]})
    directive, answer = words(f"mute-{hub.account}")
    hub.say(directive)
    [session] = hub.sessions()
    hub.api.wait_idle(session["id"])
    hub.publish(persona={"name": "Wren"})
    other, loud = words(f"loud-{hub.account}")
    hub.say(f"@wren {other}", number=9)
    hub.answers(loud)
    assert hub.fake.of(answer) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agent_id": "$agent"},
        {"environment_id": "$env"},
        {"agent_id": "$agent", "environment_id": "$env", "session_granularity": "per_moon"},
        {"agent_id": "$agent", "environment_id": "$env", "capabilities": "all"},
    ],
)
def test_a_publication_that_cannot_be_read_is_refused(api: Api, body: Json) -> None:
    known = {"$agent": api.agent()["id"], "$env": api.environment()["id"]}
    filled = {name: known.get(value, value) for name, value in body.items()}
    assert api.call("POST", f"{ALL}/github/publications", filled).status_code == 400


def test_a_repeat_with_the_same_key_makes_one_publication(api: Api) -> None:
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"]}
    keyed = {"Idempotency-Key": "one"}
    first = api.ok("POST", f"{ALL}/slack/publications", body, headers=keyed)
    assert api.ok("POST", f"{ALL}/slack/publications", body, headers=keyed) == first
    assert first["status"] == "awaiting_install"
    assert api.get(f"{ALL}/slack/publications")["data"] == [first]


def test_a_repeat_sets_up_or_ends_nothing_twice(api: Api, providers: FakeProviders) -> None:
    desk = Desk(api, providers, "linear")
    desk.install()
    rules = f"{desk.place}/publications/{desk.publish()['id']}/dispatch-rules"
    published = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"]}
    asked: list[tuple[str, Json]] = [(f"{desk.place}/start-a1", published), (rules, {"label": "agent"})]
    for path, body in [*asked, (f"{desk.place}/uninstall", {})]:
        first, again = (api.call("POST", path, body, headers={"Idempotency-Key": "one"}) for _ in range(2))
        assert first.status_code < 300, first.text
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        other = api.call("POST", path, body | {"label": "other"}, headers={"Idempotency-Key": "one"})
        assert other.status_code == 409
    assert len(api.get(rules)["data"]) == 1


def test_what_waits_for_an_installation_is_live_once_it_comes(api: Api, providers: FakeProviders) -> None:
    desk = Desk(api, providers, "slack")
    made = desk.publish()
    assert made["status"] == "awaiting_install"
    assert api.get(f"{desk.place}/publications", status="pending")["data"] == [made]
    desk.install()
    assert api.get(f"{desk.place}/publications/{made['id']}")["status"] == "live"


def test_a_link_to_install_works_once(api: Api, providers: FakeProviders) -> None:
    desk = Desk(api, providers, "slack")
    answer = desk.install()
    assert "connected" in answer.text
    again = follow(str(answer.url))
    assert (again.status_code, again.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert follow(f"{api.url}/slack/oauth/callback?state=made-up&code=code-1").status_code == 400
    assert len(api.get(f"{desk.place}/installations")["data"]) == 1


def test_a_state_is_good_at_its_own_provider_alone(api: Api, providers: FakeProviders) -> None:
    url = api.get(f"{ALL}/slack/install")["redirect_url"]
    state = httpx2.URL(url).params["state"]
    code = providers.code(providers.account("linear"))
    assert follow(f"{api.url}/linear/oauth/callback?state={state}&code={code}").status_code == 400


def test_nobody_installs_what_they_cannot_see(api: Api, providers: FakeProviders) -> None:
    theirs, mine = providers.account("github"), providers.account("github")
    url = api.get(f"{ALL}/github/install")["redirect_url"]
    state, code = httpx2.URL(url).params["state"], providers.code(mine)
    forged = f"{api.url}/github/oauth/callback?state={state}&code={code}&installation_id={theirs}"
    assert follow(forged).status_code == 400
    assert api.get(f"{ALL}/github/installations")["data"] == []


def test_an_account_belongs_to_one_tenant(hub: Desk, stranger: Api) -> None:
    other = Desk(stranger, hub.fake, "github")
    assert other.install(hub.account).status_code == 409
    assert stranger.get(f"{ALL}/github/installations")["data"] == []
    directive, answer = words(f"mine-{hub.account}")
    hub.say(directive)
    hub.answers(answer)
    assert other.sessions() == []


def test_uninstalling_is_told_to_the_provider(desk: Desk) -> None:
    assert desk.publication is not None
    assert desk.api.post(f"{desk.place}/uninstall") == {"type": "integration_uninstalled", "id": desk.provider}
    assert desk.api.get(f"{desk.place}/installations")["data"] == []
    found = next(one for one in desk.api.get(ALL)["data"] if one["id"] == desk.provider)
    assert found["installed"] is False
    assert desk.api.get(f"{desk.place}/publications/{desk.publication['id']}")["status"] == "needs_reauth"
    ends = {"github": "DELETE /github/api/app/installations", "slack": "auth.revoke", "linear": "oauth/revoke"}
    assert any(ends[desk.provider] in call for call in desk.fake.calls)
    desk.hear(desk.fake.signed("github", github_comment(desk.account, f"@{SLUG} hello")))
    assert desk.sessions() == []


def test_an_end_at_the_provider_waits_for_a_new_installation(hub: Desk) -> None:
    assert hub.publication is not None
    over = {"action": "deleted", "installation": {"id": int(hub.account)}}
    hub.fake.accounts["github"].discard(hub.account)
    assert hub.hear(hub.fake.signed("github", over, event="installation")).status_code == 200
    path = f"{hub.place}/publications/{hub.publication['id']}"
    assert hub.api.get(path)["status"] == "needs_reauth"
    hub.fake.accounts["github"].add(hub.account)
    assert hub.install(hub.account).status_code == 200
    assert hub.api.get(path)["status"] == "live"


def test_a_revoked_token_is_seen_when_it_is_used(desk: Desk) -> None:
    assert desk.publication is not None
    desk.fake.accounts[desk.provider].discard(desk.account)
    for token in [text for text, owner in desk.fake.tokens.items() if owner == desk.account]:
        del desk.fake.tokens[token]
    directive, answer = words(f"revoked-{desk.account}")
    desk.say(directive)
    path = f"{desk.place}/publications/{desk.publication['id']}"
    wait_for(lambda: desk.api.get(path)["status"] == "needs_reauth", "the end to be seen")
    assert desk.fake.of(answer) == []


@pytest.mark.parametrize("name", ["slack", "linear"])
def test_a_token_that_ends_is_renewed(api: Api, providers: FakeProviders, name: str) -> None:
    desk = Desk(api, providers, name)
    providers.expires_in = 1
    try:
        desk.install()
        desk.publish(persona={"name": "Robin"})
        first = {text for text, owner in providers.tokens.items() if owner == desk.account}
        directive, answer = words(f"renewed-{desk.account}")
        desk.say(directive)
        desk.answers(answer)
    finally:
        providers.expires_in = None
    assert {text for text, owner in providers.tokens.items() if owner == desk.account} > first


def test_an_app_of_ones_own_is_set_up_step_by_step(api: Api, providers: FakeProviders, model: FakeModel) -> None:
    desk = Desk(api, providers, "slack")
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"]}
    made = api.ok("POST", f"{desk.place}/start-a1", body)
    assert made["status"] == "pending_setup"
    named = {"publication_id": made["id"]}
    assert api.call("POST", f"{desk.place}/handoff-link", named).status_code == 409
    app = {"client_id": "own", "client_secret": "slack-client-secret", "webhook_secret": "own-signing-secret"}
    assert api.ok("POST", f"{desk.place}/credentials", named | app)["status"] == "credentials_filled"
    link = api.ok("POST", f"{desk.place}/handoff-link", named)["url"]
    path = f"{desk.place}/publications/{made['id']}"
    assert api.get(path)["status"] == "awaiting_install"
    account = providers.account("slack")
    assert follow(f"{link}&account={account}").status_code == 200
    assert api.get(path)["status"] == "live"
    assert api.call("POST", f"{desk.place}/credentials", named | app).status_code == 409
    directive, answer = words(f"own-{account}")
    sent = providers.signed("slack", slack_message(account, directive), secret="own-signing-secret")
    with httpx2.Client(verify=False) as client:
        assert client.post(made["webhook_url"], content=sent.body, headers=sent.headers).status_code == 200
    desk.answers(answer)
    shown = api.call("GET", path).text + api.call("GET", f"{desk.place}/installations").text
    assert "secret" not in shown


def test_a_set_up_page_takes_the_app_once(api: Api, providers: FakeProviders) -> None:
    desk = Desk(api, providers, "linear")
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"]}
    made = api.ok("POST", f"{desk.place}/start-a1", body)
    page = api.post(f"{desk.place}/publications/{made['id']}/form-token")
    assert '<form method="post" action="/linear/setup">' in follow(page["url"]).text
    filled = {"token": page["token"], "client_id": "own", "webhook_secret": "own-secret"}
    with httpx2.Client(base_url=api.url, verify=False) as client:
        assert client.post("/linear/setup", data=filled).status_code == 400
        good = filled | {"client_secret": "linear-client-secret"}
        done = client.post("/linear/setup", data=good)
        assert client.post("/linear/setup", data=good).status_code == 400
    assert done.status_code == 200
    assert f"{providers.url}/linear/oauth/authorize" in done.text
    assert api.get(f"{desk.place}/publications/{made['id']}")["status"] == "awaiting_install"


def test_a_persons_token_takes_the_place_of_an_installation(api: Api, providers: FakeProviders) -> None:
    desk = Desk(api, providers, "linear")
    made = desk.publish()
    token = providers.token(providers.account("linear"))["access_token"]
    body = {"publication_id": made["id"], "token": token}
    assert api.ok("POST", f"{desk.place}/personal-token", body)["status"] == "live"
    assert api.call("POST", f"{ALL}/linear/personal-token", body | {"token": "made-up"}).status_code == 502


def test_dispatch_rules_need_a_filter_and_have_bounds(api: Api, providers: FakeProviders) -> None:
    desk = Desk(api, providers, "linear")
    path = f"{desk.place}/publications/{desk.publish()['id']}/dispatch-rules"
    for body in ({}, {"label": None}, {"label": "x", "max_concurrent": 101}, {"label": "x", "max_concurrent": 0}):
        assert api.call("POST", path, body).status_code == 400
    for seconds in (59, 86_401):
        assert api.call("POST", path, {"label": "x", "poll_interval_seconds": seconds}).status_code == 400
    made = api.post(path, label="agent")
    assert (made["label"], made["max_concurrent"], made["poll_interval_seconds"]) == ("agent", 5, 600)
    one = f"{path}/{made['id']}"
    assert api.ok("PATCH", one, {"state": "Todo", "enabled": False})["state"] == "Todo"
    assert api.call("PATCH", one, {"label": None, "state": None}).status_code == 400
    assert [rule["id"] for rule in api.get(path)["data"]] == [made["id"]]
    assert api.ok("DELETE", one)["id"] == made["id"]
    assert api.call("DELETE", one).status_code == 404
    assert api.get(path)["data"] == []


def test_secrets_are_in_no_answer_no_event_and_no_log(desk: Desk, server: Server) -> None:
    directive, answer = words(f"quiet-{desk.account}")
    desk.say(directive)
    desk.answers(answer)
    [session] = desk.sessions()
    seen = json.dumps(desk.api.log(session["id"])) + desk.api.call("GET", ALL).text + server.log()
    seen += desk.api.call("GET", f"{desk.place}/publications").text
    for secret in ("secret-access-", "secret-refresh-", "-client-secret", "lbs1.", "PRIVATE KEY"):
        assert secret not in seen


@dataclass
class Lone:
    """A server with providers of its own."""

    server: Server
    fake: FakeProviders

    def __post_init__(self) -> None:
        self.api = Api(self.server.url, self.server.api_key)

    def restart(self) -> None:
        """Start it again; it answers at another address."""
        self.server.start()
        self.api.close()
        self.api = Api(self.server.url, self.server.api_key)
        self.fake.callback = self.server.url


@pytest.fixture(scope="module")
def alone(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lone]:
    """A server that may be killed, with an app at one provider alone."""
    state: Path = tmp_path_factory.mktemp("integrations")
    with FakeProviders() as fake:
        env = {"ANTHROPIC_BASE_URL": shared_model.url, "ANTHROPIC_API_KEY": "provider-key"}
        with Server(env | fake.env("github"), state=state) as running:
            fake.callback = running.url
            yield Lone(running, fake)


@pytest.mark.parametrize("name", ["linear", "slack"])
def test_what_is_not_configured_cannot_be_installed(alone: Lone, name: str) -> None:
    api = alone.api
    found = next(one for one in api.get(ALL)["data"] if one["id"] == name)
    assert found["configured"] is False
    for path in ("install", "installations"):
        answer = api.call("GET", f"{ALL}/{name}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "integration_not_configured")
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"]}
    assert api.call("POST", f"{ALL}/{name}/start-a1", body).status_code == 503
    assert api.ok("POST", f"{ALL}/{name}/publications", body)["status"] == "pending_setup"
    assert api.call("GET", f"{ALL}/github/install").status_code == 200


def test_an_answer_survives_the_death_of_who_was_to_post_it(alone: Lone) -> None:
    """Killed while the provider has one post and has not answered, and did not take another."""
    fake = alone.fake
    desk = Desk(alone.api, fake, "github")
    assert desk.install().status_code == 200
    desk.publish()
    refused, later = words("later")
    fake.refuse("github", 503)
    desk.say(refused, number=9)
    wait_for(lambda: any("/issues/9/comments" in call for call in fake.calls), "a try")
    first, doubted = words("doubted")
    fake.hold()
    desk.say(first)
    desk.answers(doubted)
    alone.server.kill()
    fake.let_go()
    alone.restart()
    desk.api = alone.api
    second, after = words("after")
    desk.say(second, number=8)
    desk.answers(after)
    wait_for(lambda: any("GET" in call and "/issues/7/comments" in call for call in fake.calls), "a look")
    desk.answers(later)
    assert [len(fake.of(one)) for one in (doubted, later, after)] == [1, 1, 1]
