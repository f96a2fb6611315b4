"""The official SDK against the nouns, every answer validated strictly."""

import io
import os

import anthropic
import pytest
from anthropic import Anthropic

from tests.support.api import Api


def test_an_agent_with_everything_an_sdk_knows(sdk: Anthropic) -> None:
    helper = sdk.beta.agents.create(name="Helper", model="claude-test")
    made = sdk.beta.agents.create(
        name="Everything",
        model={"id": "claude-test", "effort": "high", "speed": "fast", "inference_geo": "eu"},
        system="Be brief.",
        description="All fields",
        metadata={"team": "a"},
        mcp_servers=[{"type": "url", "name": "docs", "url": "https://docs.test/mcp"}],
        tools=[
            {
                "type": "agent_toolset_20260401",
                "default_config": {"enabled": False},
                "configs": [
                    {"name": "bash", "enabled": True, "permission_policy": {"type": "always_ask"}},
                    {
                        "name": "web_fetch",
                        "allowed_domains": ["example.com"],
                        "max_content_tokens": 1000,
                        "url_sources": {
                            "user_input": "none",
                            "client_tool_results": {
                                "type": "only",
                                "tools": [{"type": "tool_reference", "name": "look_up"}],
                            },
                        },
                    },
                    {"name": "web_search", "user_location": {"type": "approximate", "country": "DE"}},
                ],
            },
            {
                "type": "mcp_toolset",
                "mcp_server_name": "docs",
                "configs": [{"name": "search", "permission_policy": {"type": "auto"}}],
            },
            {
                "type": "custom",
                "name": "look_up",
                "description": "Looks up",
                "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
            },
        ],
        multiagent={"type": "coordinator", "agents": [helper.id, {"type": "self"}]},
    )
    assert made.version == 1
    assert made.id.startswith("agent_")
    toolset, mcp, custom = made.tools
    assert toolset.type == "agent_toolset_20260401"
    assert (toolset.default_config.enabled, toolset.default_config.permission_policy.type) == (False, "always_allow")
    bash, fetch, search = toolset.configs
    assert (bash.type, bash.enabled, bash.permission_policy.type) == ("bash", True, "always_ask")
    assert fetch.type == "web_fetch"
    assert fetch.enabled is False
    assert fetch.url_sources is not None
    assert search.type == "web_search"
    assert mcp.type == "mcp_toolset"
    assert (mcp.default_config.permission_policy.type, mcp.configs[0].permission_policy.type) == ("always_ask", "auto")
    assert custom.type == "custom"
    assert custom.input_schema.required == ["q"]
    assert made.multiagent is not None
    assert made.multiagent.type == "coordinator"
    assert [(entry.id, entry.version) for entry in made.multiagent.agents if entry.type == "agent"] == [
        (helper.id, 1),
        (made.id, 1),
    ]
    assert made.execution_identity.type == "service_account"
    assert sdk.beta.agents.retrieve(made.id) == made
    team = sdk.beta.agents.update(made.id, multiagent={"type": "multiagent_20261001"})
    assert team.multiagent is not None
    assert team.multiagent.type == "multiagent_20261001"


def test_the_life_of_an_agent(sdk: Anthropic) -> None:
    made = sdk.beta.agents.create(name="A", model="claude-test")
    assert (made.tools, made.mcp_servers, made.skills, made.metadata, made.system) == ([], [], [], {}, None)
    changed = sdk.beta.agents.update(made.id, system="two", version=1)
    assert changed.version == 2
    assert sdk.beta.agents.update(made.id, system="two").version == 2
    with pytest.raises(anthropic.ConflictError):
        sdk.beta.agents.update(made.id, system="three", version=1)
    assert sdk.beta.agents.retrieve(made.id, version=1).system is None
    with pytest.raises(anthropic.NotFoundError):
        sdk.beta.agents.retrieve(made.id, version=9)
    assert [agent.version for agent in sdk.beta.agents.versions.list(made.id)] == [2, 1]
    archived = sdk.beta.agents.archive(made.id)
    assert archived.archived_at is not None
    assert sdk.beta.agents.archive(made.id).archived_at == archived.archived_at
    with pytest.raises(anthropic.BadRequestError):
        sdk.beta.agents.update(made.id, system="four")
    assert list(sdk.beta.agents.list()) == []
    assert [agent.id for agent in sdk.beta.agents.list(include_archived=True)] == [made.id]


def test_the_auto_pager_walks_every_list_to_its_end(sdk: Anthropic) -> None:
    agents = [sdk.beta.agents.create(name=f"A{number}", model="m").id for number in range(5)]
    environments = [sdk.beta.environments.create(name=f"E{number}").id for number in range(5)]
    files = [sdk.files.upload(file=(f"{number}.txt", b"x")).id for number in range(5)]
    assert {agent.id for agent in sdk.beta.agents.list(limit=2)} == set(agents)
    assert {environment.id for environment in sdk.beta.environments.list(limit=2)} == set(environments)
    assert {file.id for file in sdk.files.list(limit=2)} == set(files)
    assert {file.id for file in sdk.beta.files.list(limit=5)} == set(files)
    models = [model.id for model in sdk.models.list(limit=1)]
    assert models
    assert len(set(models)) == len(models)


def test_what_an_sdk_must_not_send(sdk: Anthropic) -> None:
    for options in (
        {"mcp_servers": [{"type": "url", "name": "a", "url": "https://a.test"}]},
        {"tools": [{"type": "mcp_toolset", "mcp_server_name": "a"}]},
        {"skills": [{"type": "custom", "skill_id": "skill_unknown"}]},
        {"multiagent": {"type": "coordinator", "agents": []}},
        {"tools": [{"type": "agent_toolset_20260401", "configs": [{"name": "fly"}]}]},
    ):
        with pytest.raises(anthropic.BadRequestError):
            sdk.beta.agents.create(name="A", model="m", **options)  # type: ignore[arg-type]


def test_the_life_of_an_environment(sdk: Anthropic) -> None:
    made = sdk.beta.environments.create(name="E")
    assert made.config.type == "cloud"
    assert made.config.networking.type == "unrestricted"
    assert made.config.packages.pip == []
    changed = sdk.beta.environments.update(
        made.id,
        config={
            "type": "cloud",
            "networking": {"type": "limited", "allowed_hosts": ["*.example.com"], "allow_package_managers": True},
            "packages": {"pip": ["numpy"]},
        },
        metadata={"a": "1"},
    )
    assert changed.config.type == "cloud"
    assert changed.config.networking.type == "limited"
    assert changed.config.networking.allow_mcp_servers is False
    partly = sdk.beta.environments.update(made.id, config={"type": "cloud", "packages": {"npm": ["left-pad"]}})
    assert partly.config.type == "cloud"
    assert (partly.config.packages.pip, partly.config.packages.npm) == (["numpy"], ["left-pad"])
    assert partly.config.networking == changed.config.networking
    with pytest.raises(anthropic.BadRequestError) as refused:
        sdk.beta.environments.update(made.id, config={"type": "self_hosted"})
    assert refused.value.body["error"]["details"]["error_code"] == "invalid_config_type_change"  # type: ignore[index]
    with pytest.raises(anthropic.ConflictError):
        sdk.beta.environments.create(name="E")
    assert sdk.beta.environments.create(name="S", config={"type": "self_hosted"}).config.type == "self_hosted"
    assert sdk.beta.environments.archive(made.id).archived_at is not None
    assert sdk.beta.environments.delete(made.id).type == "environment_deleted"
    with pytest.raises(anthropic.NotFoundError):
        sdk.beta.environments.retrieve(made.id)


def test_the_life_of_a_file(sdk: Anthropic) -> None:
    data = os.urandom(9 << 20)
    made = sdk.files.upload(file=("reports/ä b.bin", io.BytesIO(data), "application/x-thing"), expires_in_seconds=3600)
    assert (made.filename, made.mime_type, made.size_bytes) == ("ä b.bin", "application/x-thing", len(data))
    assert made.expires_at is not None
    assert sdk.files.retrieve_metadata(made.id) == made
    assert sdk.files.download(made.id).read() == data
    unknown = "file_" + "0" * 32
    assert [file.id for file in sdk.files.list(ids=[made.id, unknown, "nonsense"])] == [made.id]
    assert sdk.files.delete(made.id).type == "file_deleted"
    with pytest.raises(anthropic.NotFoundError):
        sdk.files.retrieve_metadata(made.id)
    with pytest.raises(anthropic.NotFoundError):
        sdk.files.download(made.id)


def test_models_are_served_in_the_sdks_shape(sdk: Anthropic) -> None:
    first = next(iter(sdk.models.list()))
    assert sdk.models.retrieve(first.id) == first
    with pytest.raises(anthropic.NotFoundError):
        sdk.models.retrieve("no/such model")


def test_a_wrong_key_and_a_foreign_object(sdk: Anthropic, url: str, root: Api) -> None:
    other = root.post("/admin/tenants", name="Other")["api_key"]["key"]
    made = sdk.beta.agents.create(name="A", model="m")
    with Anthropic(base_url=url, api_key=other, max_retries=0) as stranger, pytest.raises(anthropic.NotFoundError):
        stranger.beta.agents.retrieve(made.id)
    with (
        Anthropic(base_url=url, api_key="wrong", max_retries=0) as nobody,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        nobody.beta.agents.retrieve(made.id)
    assert refused.value.body["error"]["type"] == "authentication_error"  # type: ignore[index]
