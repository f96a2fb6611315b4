"""Through a whole server: no URL that a tenant names leads to an inner address, whatever it is for.

MCP servers and what their discovery names are tried where MCP is, with the same spellings.
"""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for
from tests.support.canary import Canary
from tests.support.inner_urls import SAMPLE
from tests.support.server import Server

TOOLSET: Json = {"type": "agent_toolset_20260401"}


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with Canary() as running:
        yield running


@pytest.fixture(scope="module")
def closed(shared_model: FakeModel) -> Iterator[Server]:
    """A server that allows nothing inside."""
    with Server(model_env(shared_model, LAMBENT_OUTBOUND_ALLOW="")) as running:
        yield running


@pytest.fixture
def strict(closed: Server) -> Iterator[Api]:
    """A tenant of it."""
    api = Api(closed.url, closed.tenant())
    yield api
    api.close()


def fetch(api: Api, urls: list[str]) -> str:
    session = api.session(api.agent(tools=[TOOLSET]))
    for url in urls:
        log = api.turn(session, f"tool:web_fetch input:{json.dumps({'url': url})} {url}")
    return str(log)


def call_tools(api: Api, urls: list[str]) -> str:
    schema = {"type": "object", "properties": {}}
    usual = {"type": "custom", "description": "x", "input_schema": schema}
    places = [{"type": "http", "endpoint": url} for url in urls if url.startswith("http")]
    tools = [usual | {"name": f"t{number}", "execution": one} for number, one in enumerate(places)]
    session = api.session(api.agent(tools=tools))
    for one in tools:
        log = api.turn(session, f"tool:{one['name']} input:{{}}")
    return str(log)


def clone_and_curl(api: Api, urls: list[str]) -> str:
    agent, environment = api.agent(tools=[TOOLSET]), api.environment()["id"]
    body, taken, seen = {"agent": agent["id"], "environment_id": environment}, [], ""
    for number, url in enumerate(urls):
        named = {"type": "github_repository", "url": url, "mount_path": f"/workspace/r{number}"}
        answer = api.call("POST", "/v1/sessions", body | {"resources": [named]})
        taken += [named] if answer.status_code < 300 else []
        seen += answer.text
    asked = "; ".join(f"curl -sS -m 5 --noproxy '' -w '%{{http_code}} ' '{url}' 2>&1" for url in urls)
    session = api.session(agent, resources=taken[:4])
    return seen + str(api.turn(session, f"tool:bash input:{json.dumps({'command': asked})} tokens:2", 60))


def use_cards(api: Api, urls: list[str]) -> str:
    seen = ""
    for number, url in enumerate(urls):
        body = {"provider": "oai-compatible", "api_key": "k" * 20, "base_url": url, "model_id": f"card-{number}"}
        answer = api.call("POST", "/v1/model_cards", body)
        seen += answer.text + api.call("POST", "/v1/models/list", body).text
        if answer.status_code < 300:
            seen += str(api.turn(api.session(api.agent(model=f"card-{number}")), "hello"))
    return seen


def hook(api: Api, urls: list[str]) -> str:
    answers = [api.call("POST", "/v1/webhook_endpoints", {"url": url}) for url in urls]
    assert {answer.status_code for answer in answers} == {400}
    return str([answer.text for answer in answers])


def be_judged(api: Api, urls: list[str]) -> str:
    rewards = [{"type": "reward_model", "endpoint": url} for url in urls if url.startswith("http")]
    asked = [{"id": f"t{number}", "messages": ['say:"ten"']} for number in range(len(rewards))]
    tasks = [one | {"reward": reward} for one, reward in zip(asked, rewards, strict=True)]
    body = {"agent_id": api.agent()["id"], "environment_id": api.environment()["id"], "tasks": tasks}
    made = api.post("/v1/evals", **body)["id"]
    path = f"/v1/evals/{made}"
    wait_for(lambda: api.get(path)["status"] in ("completed", "failed"), "the run")
    return str(api.get(path))


@pytest.mark.parametrize("way", [fetch, call_tools, clone_and_curl, use_cards, hook, be_judged])
def test_no_url_leads_inside(strict: Api, canary: Canary, way: Callable[[Api, list[str]], str]) -> None:
    before = canary.met
    told = way(strict, [url.replace("{port}", str(canary.port)) for url in SAMPLE])
    assert canary.met == before
    assert "not a host on the public internet" in told or "may not be called" in told or "public" in told
    assert "reached" not in told.replace("be reached", "")
