"""The settings of all parts, read once at the start: the parts themselves read theirs when they are first used."""

from collections.abc import Mapping


def check_settings(env: Mapping[str, str]) -> None:
    """Raises ValueError naming the first variable that cannot be used."""
    from chalicelib.embeddings.settings import EmbeddingSettings
    from chalicelib.models.settings import ModelSettings
    from chalicelib.sandbox.settings import SandboxSettings
    from chalicelib.signin.settings import SignInSettings
    from chalicelib.tools.search.settings import provider_from

    SandboxSettings.from_env(env)
    ModelSettings.from_env(env)
    EmbeddingSettings.from_env(env)
    SignInSettings.from_env(env)
    provider_from(env)
