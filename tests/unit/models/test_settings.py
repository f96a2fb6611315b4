"""Model settings from the environment."""

import pytest

from chalicelib.models.settings import ModelSettings


def test_an_empty_environment_configures_nothing():
    settings = ModelSettings.from_env({"ANTHROPIC_API_KEY": " ", "OPENAI_BASE_URL": ""})
    assert settings == ModelSettings()
    assert [settings.has_anthropic, settings.has_openai, settings.embedded] == [False] * 3


def test_everything_is_read():
    settings = ModelSettings.from_env(
        {
            "ANTHROPIC_AUTH_TOKEN": "token",
            "OPENAI_BASE_URL": "http://localhost:1/v1",
            "LAMBENT_MODEL": "embedded",
            "LAMBENT_MODELS": "a, b,,",
            "LAMBENT_MODEL_TIMEOUT": "30",
            "LAMBENT_MODEL_IDLE_TIMEOUT": "2.5",
            "LAMBENT_PRICES": "/prices.json",
        }
    )
    assert settings.has_anthropic
    assert settings.has_openai
    assert settings.embedded
    assert (settings.listed, settings.timeout, settings.idle_timeout) == (("a", "b"), 30, 2.5)
    assert settings.prices_path == "/prices.json"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAMBENT_MODEL", "gemma"),
        ("LAMBENT_MODEL_TIMEOUT", "soon"),
        ("LAMBENT_MODEL_TIMEOUT", "0"),
        ("LAMBENT_MODEL_IDLE_TIMEOUT", "inf"),
        ("LAMBENT_MODEL_IDLE_TIMEOUT", "nan"),
    ],
)
def test_what_cannot_be_used_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        ModelSettings.from_env({name: value})


def test_secrets_are_not_in_the_representation():
    settings = ModelSettings.from_env(
        {"ANTHROPIC_API_KEY": "first-secret", "ANTHROPIC_AUTH_TOKEN": "second-secret", "OPENAI_API_KEY": "third-secret"}
    )
    assert "secret" not in repr(settings)
    assert set(settings.secrets) == {"first-secret", "second-secret", "third-secret"}
