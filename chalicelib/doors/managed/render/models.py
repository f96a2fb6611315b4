"""Models as the two families of clients print them."""

from typing import Any

from chalicelib.core.clock import iso
from chalicelib.models.catalog import ModelInfo

_UNKNOWN_MS = 0
"""When a model was published is not known here; both shapes demand a time."""


def anthropic(model: ModelInfo) -> dict[str, Any]:
    """For SDKs of the Managed Agents API; what is not known of a model is null."""
    return {
        "id": model.id,
        "type": "model",
        "display_name": model.display_name,
        "created_at": iso(_UNKNOWN_MS),
        "lifecycle": "active",
        "line": None,
        "max_input_tokens": None,
        "max_tokens": None,
        "capabilities": None,
        "allowed_fallback_models": None,
        "deprecated_at": None,
        "retires_at": None,
    }


def openai(model: ModelInfo) -> dict[str, Any]:
    """For OpenAI clients."""
    return {"id": model.id, "object": "model", "created": _UNKNOWN_MS, "owned_by": model.provider}


def named(model: ModelInfo) -> dict[str, str]:
    """By id and name alone."""
    return {"id": model.id, "name": model.display_name}
