"""Which providers this process may use, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.environ import words

_CHOICES = ("embedded", "none")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Provider access, the models to offer, and time limits in seconds. Secrets stay out of the representation.

    ``elsewhere``: other processes than this one call the models.
    """

    anthropic_api_key: str | None = field(default=None, repr=False)
    anthropic_auth_token: str | None = field(default=None, repr=False)
    anthropic_base_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    default_model: str | None = None
    embedded: bool = False
    listed: tuple[str, ...] = ()
    prices_path: str | None = None
    timeout: float = 600.0
    idle_timeout: float = 120.0
    elsewhere: bool = False

    @staticmethod
    def from_env(env: Mapping[str, str]) -> "ModelSettings":
        """Reads the provider SDKs' usual variables and ``LAMBENT_*``; an empty value counts as none.

        Raises ValueError naming the variable when a value cannot be used.
        """
        choice = _text(env, "LAMBENT_MODEL") or "none"
        if choice not in _CHOICES:
            raise ValueError(f"LAMBENT_MODEL must be embedded or none, not {choice!r}")
        return ModelSettings(
            anthropic_api_key=_text(env, "ANTHROPIC_API_KEY"),
            anthropic_auth_token=_text(env, "ANTHROPIC_AUTH_TOKEN"),
            anthropic_base_url=_text(env, "ANTHROPIC_BASE_URL"),
            openai_api_key=_text(env, "OPENAI_API_KEY"),
            openai_base_url=_text(env, "OPENAI_BASE_URL"),
            default_model=_text(env, "LAMBENT_DEFAULT_MODEL"),
            embedded=choice == "embedded",
            listed=words(env, "LAMBENT_MODELS"),
            prices_path=_text(env, "LAMBENT_PRICES"),
            timeout=_seconds(env, "LAMBENT_MODEL_TIMEOUT", 600.0),
            idle_timeout=_seconds(env, "LAMBENT_MODEL_IDLE_TIMEOUT", 120.0),
            elsewhere=env.get("LAMBENT_STAGE") == "aws",
        )

    @property
    def has_anthropic(self) -> bool:
        return bool(self.anthropic_api_key or self.anthropic_auth_token or self.anthropic_base_url)

    @property
    def has_openai(self) -> bool:
        return bool(self.openai_api_key or self.openai_base_url)

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What must never be shown."""
        return self.anthropic_api_key, self.anthropic_auth_token, self.openai_api_key


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a number of seconds above 0, not {text!r}")
    return value
