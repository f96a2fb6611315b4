"""Which provider serves which model."""

import asyncio

import pytest

from chalicelib.models.errors import ModelNotServed
from chalicelib.models.registry import Registry
from chalicelib.models.settings import ModelSettings

BOTH = {"ANTHROPIC_API_KEY": "a-key", "OPENAI_API_KEY": "o-key"}
ANTHROPIC = {"ANTHROPIC_API_KEY": "a-key"}
OPENAI = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
EMBEDDED = {"LAMBENT_MODEL": "embedded"}


def registry(*envs):
    return Registry(ModelSettings.from_env({key: value for env in envs for key, value in env.items()}))


@pytest.mark.parametrize(
    ("envs", "asked", "provider", "model"),
    [
        ((BOTH,), "anthropic/gpt-5", "anthropic", "gpt-5"),
        ((BOTH,), "openai/claude-opus-5", "openai", "claude-opus-5"),
        ((BOTH,), "openai/meta/llama-4", "openai", "meta/llama-4"),
        ((BOTH,), "claude-opus-5", "anthropic", "claude-opus-5"),
        ((BOTH,), "gpt-5", "openai", "gpt-5"),
        ((BOTH,), "meta/llama-4", "openai", "meta/llama-4"),
        ((ANTHROPIC,), "glm-5", "anthropic", "glm-5"),
        ((OPENAI,), "claude-opus-5", "openai", "claude-opus-5"),
        ((EMBEDDED,), "smollm2-135m", "embedded", "smollm2-135m"),
        ((EMBEDDED,), "embedded/smollm2-135m", "embedded", "smollm2-135m"),
        ((EMBEDDED,), "default", "embedded", "smollm2-135m"),
        ((BOTH, {"LAMBENT_DEFAULT_MODEL": "openai/gpt-5"}), "default", "openai", "gpt-5"),
        ((BOTH, {"LAMBENT_DEFAULT_MODEL": "default"}), "default", "anthropic", "claude-sonnet-5-5"),
    ],
)
def test_the_first_rule_that_fits_decides(envs, asked, provider, model):
    found = registry(*envs).resolve(asked)
    assert (found.provider_name, found.provider.name, found.model) == (provider, provider, model)


@pytest.mark.parametrize("asked", ["claude-opus-5", "default", "openai/gpt-5", "smollm2-135m"])
def test_without_any_provider_the_error_says_what_to_set(asked):
    with pytest.raises(ModelNotServed, match="set ANTHROPIC_API_KEY, OPENAI_API_KEY or a base URL") as caught:
        registry().resolve(asked)
    assert (caught.value.type, caught.value.retryable) == ("model_request_failed_error", False)


@pytest.mark.parametrize(
    ("env", "asked", "served"),
    [
        (ANTHROPIC, "openai/gpt-5", "anthropic/…"),
        (ANTHROPIC, "smollm2-135m", "anthropic/…"),
        (EMBEDDED, "claude-opus-5", "smollm2-135m"),
        (EMBEDDED, "embedded/other", "smollm2-135m"),
    ],
)
def test_an_unserved_model_is_told_with_what_is_served(env, asked, served):
    with pytest.raises(ModelNotServed, match=f"not served here; served are {served}"):
        registry(env).resolve(asked)


@pytest.mark.parametrize(
    ("envs", "default"),
    [
        ((), None),
        ((EMBEDDED,), "smollm2-135m"),
        ((EMBEDDED, OPENAI), "gpt-6.1-sol"),
        ((EMBEDDED, BOTH), "claude-sonnet-5-5"),
        ((BOTH, {"LAMBENT_DEFAULT_MODEL": "gpt-5"}), "gpt-5"),
    ],
)
def test_default_model(envs, default):
    assert registry(*envs).default_model() == default


def test_models_lists_the_usual_ones_of_what_is_configured():
    found = registry(BOTH, EMBEDDED).models()
    assert {info.provider for info in found} == {"anthropic", "openai", "embedded"}
    assert [(info.id, info.display_name) for info in found if info.demo] == [("smollm2-135m", "SmolLM2 135M (demo)")]
    assert registry().models() == []


def test_a_compatible_server_lists_only_what_is_named():
    listed = registry(OPENAI, {"LAMBENT_MODELS": "qwen-3, meta/llama-4", "LAMBENT_DEFAULT_MODEL": "qwen-3"}).models()
    assert [(info.id, info.display_name, info.provider) for info in listed] == [
        ("qwen-3", "qwen-3", "openai"),
        ("meta/llama-4", "llama-4", "openai"),
    ]


def test_models_that_nobody_serves_are_not_listed():
    assert registry({"LAMBENT_MODELS": "gpt-5", "LAMBENT_DEFAULT_MODEL": "gpt-5"}).models() == []


def test_closing_what_was_never_used_is_no_work():
    asyncio.run(registry(BOTH, EMBEDDED).aclose())
