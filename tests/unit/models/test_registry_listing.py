"""What a process lists whose models are called by others."""

from chalicelib.models.registry import Registry
from chalicelib.models.settings import ModelSettings


def test_it_shows_the_models_it_is_told_of() -> None:
    told = {"LAMBENT_STAGE": "aws", "LAMBENT_MODELS": "claude-x,gpt-y", "LAMBENT_DEFAULT_MODEL": "claude-x"}
    settings = ModelSettings.from_env(told)
    assert [(one.id, one.provider) for one in Registry(settings).models()] == [
        ("claude-x", "anthropic"),
        ("gpt-y", "openai"),
    ]


def test_told_of_none_it_shows_none() -> None:
    assert Registry(ModelSettings.from_env({"LAMBENT_STAGE": "aws"})).models() == []
