"""Models as the two families of clients print them."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.models.catalog import ModelInfo


def anthropic(model: ModelInfo) -> dict[str, Any]:
    """For SDKs of the Managed Agents API; what is not known of a model is null, an unknown time is the first of all."""
    return {
        "id": model.id,
        "type": "model",
        "display_name": model.display_name,
        "created_at": iso(model.created_ms),
        "lifecycle": "active",
        "line": None,
        "max_input_tokens": None,
        "max_tokens": None,
        "capabilities": None,
        "allowed_fallback_models": list(model.fallbacks) or None,
        "deprecated_at": None,
        "retires_at": None,
    }


def openai(model: ModelInfo) -> dict[str, Any]:
    """For OpenAI clients."""
    return {"id": model.id, "object": "model", "created": model.created_ms // 1000, "owned_by": model.provider}


def named(model: ModelInfo) -> dict[str, str]:
    """By id and name alone."""
    return {"id": model.id, "name": model.display_name}
