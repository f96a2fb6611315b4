from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.agents.parts import McpServer, ModelConfig, ModelInput, SkillRef

MODEL: TypeAdapter[ModelConfig] = TypeAdapter(ModelInput)


@pytest.mark.parametrize(
    ("given", "speed", "effort"),
    [
        ("m", "standard", None),
        ({"id": "m"}, "standard", None),
        ({"id": "m", "speed": None, "effort": None}, "standard", None),
        ({"id": "m", "speed": "fast", "effort": "max"}, "fast", "max"),
        ({"id": "m", "effort": {"type": "low"}}, "standard", "low"),
    ],
)
def test_a_model_in_every_spelling(given: Any, speed: str, effort: str | None) -> None:
    model = MODEL.validate_python(given)
    assert (model.id, model.speed, model.effort and model.effort.type) == ("m", speed, effort)


@pytest.mark.parametrize("given", ["", {}, {"id": ""}, 3, None, {"id": "m", "speed": "slow"}, {"id": "m", "effort": 1}])
def test_what_is_no_model(given: Any) -> None:
    with pytest.raises(ValidationError):
        MODEL.validate_python(given)


def test_mcp_servers_by_url_and_in_the_sandbox() -> None:
    assert McpServer.model_validate({"name": "a", "url": "https://a.test/mcp"}).type == "url"
    local = McpServer.model_validate({"name": "a", "type": "stdio", "stdio": {"command": "serve", "port": 1}})
    assert local.stdio is not None
    assert (local.stdio.sse_path, local.stdio.ready_timeout_ms) == ("/sse", 60_000)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://a.test"},
        {"name": "", "url": "https://a.test"},
        {"name": "a"},
        {"name": "a", "url": "a.test"},
        {"name": "a", "url": "file:///etc"},
        {"name": "a", "type": "stdio"},
        {"name": "a", "type": "stdio", "stdio": {"command": "x"}},
        {"name": "a", "type": "stdio", "stdio": {"command": "x", "port": 70_000}},
    ],
)
def test_what_is_no_mcp_server(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        McpServer.model_validate(given)


def test_a_secret_is_not_taken_into_an_agent() -> None:
    with pytest.raises(ValidationError, match="vault"):
        McpServer.model_validate({"name": "a", "url": "https://a.test", "authorization_token": "t"})


def test_a_skill_without_version_means_the_latest() -> None:
    assert SkillRef.model_validate({"skill_id": "s", "version": None}).version == "latest"
    assert SkillRef.model_validate({"type": "anthropic", "skill_id": "s", "version": "3"}).version == "3"
