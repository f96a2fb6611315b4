"""The models this process knows by name."""

from dataclasses import dataclass

from chalicelib.models.settings import ModelSettings

EMBEDDED_MODEL = "smollm2-135m"
ANTHROPIC_DEFAULT = "claude-sonnet-5-5"
OPENAI_DEFAULT = "gpt-6.1-sol"
_ANTHROPIC = {
    "claude-opus-5-5": "Claude Opus 5.5",
    "claude-sonnet-5-5": "Claude Sonnet 5.5",
    "claude-haiku-5-5": "Claude Haiku 5.5",
}
_OPENAI = {"gpt-6.1-sol": "GPT-6.1 Sol", "gpt-6.1-terra": "GPT-6.1 Terra", "gpt-6-luna": "GPT-6 Luna"}
_DISPLAY_NAMES = {**_ANTHROPIC, **_OPENAI, EMBEDDED_MODEL: "SmolLM2 135M (demo)"}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as ``GET /v1/models`` shows it. ``demo`` marks the embedded one, which is not meant for work.

    ``created_ms`` is known of models of cards alone, as are ``fallbacks``, the models to turn to after it.
    """

    id: str
    display_name: str
    provider: str
    demo: bool = False
    created_ms: int = 0
    fallbacks: tuple[str, ...] = ()


def listed_ids(settings: ModelSettings) -> list[str]:
    """What to list when nothing is said: the providers' own models, unless their address is somebody else's."""
    if settings.listed:
        return list(settings.listed)
    ids: list[str] = []
    if settings.has_anthropic and not settings.anthropic_base_url:
        ids += _ANTHROPIC
    if settings.has_openai and not settings.openai_base_url:
        ids += _OPENAI
    return ids


def default_model(settings: ModelSettings) -> str | None:
    """The model of agents that name none: as configured, else a current one of the first provider there is."""
    if settings.default_model and settings.default_model != "default":
        return settings.default_model
    if settings.has_anthropic:
        return ANTHROPIC_DEFAULT
    if settings.has_openai:
        return OPENAI_DEFAULT
    return EMBEDDED_MODEL if settings.embedded else None


def display_name(model: str) -> str:
    """A name for people; unknown models are shown by their id, without the provider's prefix."""
    bare = model.split("/", 1)[-1]
    return _DISPLAY_NAMES.get(bare, bare)
