"""Finds the provider that serves a model."""

from dataclasses import dataclass

from chalicelib.models import catalog
from chalicelib.models.anthropic_provider import AnthropicProvider
from chalicelib.models.catalog import EMBEDDED_MODEL, ModelInfo
from chalicelib.models.embedded_provider import EmbeddedProvider
from chalicelib.models.errors import ModelNotServed
from chalicelib.models.openai_provider import OpenAIProvider
from chalicelib.models.pricing import Price, Prices
from chalicelib.models.provider import Provider
from chalicelib.models.runner import Runner, runner
from chalicelib.models.scrub import Scrubber
from chalicelib.models.settings import ModelSettings
from chalicelib.models.transport import TimeLimits

_NOTHING = "no model provider is configured: set ANTHROPIC_API_KEY, OPENAI_API_KEY or a base URL"


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a model is served, and by which id there; ``price`` is set where the usual price list does not count."""

    provider: Provider
    model: str
    provider_name: str
    price: Price | None = None


class Registry:
    """The providers of this process. Building it imports no SDK and opens no connection."""

    def __init__(self, settings: ModelSettings) -> None:
        """Raises ValueError when the configured price file cannot be used."""
        self.settings = settings
        self.prices = Prices.load(settings.prices_path)
        self.scrub = Scrubber(settings.secrets)
        self.limits = TimeLimits(settings.timeout, settings.idle_timeout)
        self._providers = self._build(self.limits)

    def resolve(self, model_id: str) -> Resolved:
        """The provider of a model. Raises ModelNotServed.

        The first rule that fits decides:
        1. ``default`` stands for the default model;
        2. ``anthropic/…``, ``openai/…`` and ``embedded/…`` name the provider; what follows is the provider's own id;
        3. the embedded model's own id means the embedded model;
        4. an id that begins with ``claude`` goes to Anthropic if it is configured;
        5. every other id goes to OpenAI if it is configured, else to Anthropic if that is.
        """
        model = self._meant(model_id)
        prefix, slash, rest = model.partition("/")
        if slash and rest and prefix in ("anthropic", "openai", "embedded"):
            return self._served(prefix, rest)
        if model == EMBEDDED_MODEL:
            return self._served("embedded", model)
        order = ("anthropic", "openai") if model.startswith("claude") else ("openai", "anthropic")
        name = next((one for one in order if one in self._providers), None)
        return self._served(name or order[0], model)

    def default_model(self) -> str | None:
        """The id that ``default`` stands for; None when nothing is configured."""
        return catalog.default_model(self.settings)

    def models(self) -> list[ModelInfo]:
        """What can be offered without asking a provider: the configured or usual models, and the embedded one."""
        ids = catalog.listed_ids(self.settings)
        default = self.default_model()
        if default and default not in ids:
            ids.insert(0, default)
        if self.settings.embedded and EMBEDDED_MODEL not in ids:
            ids.append(EMBEDDED_MODEL)
        return [info for one in ids if (info := self._info(one))]

    def warm_up(self, on: Runner | None = None) -> None:
        """Imports the default model's SDK and builds its client, in the background.

        The embedded model is left alone: it is loaded when it is first asked, as its memory is considerable.
        """
        default = self.default_model()
        if default and (info := self._info(default)) and not info.demo:
            (on or runner()).run(self._providers[info.provider].warm_up())

    async def aclose(self) -> None:
        """Closes all providers; call it on the runner's loop."""
        for provider in self._providers.values():
            await provider.aclose()

    def _meant(self, model_id: str) -> str:
        if model_id != "default":
            return model_id
        default = self.default_model()
        if default is None:
            raise ModelNotServed(_NOTHING)
        return default

    def _served(self, name: str, model: str) -> Resolved:
        provider = self._providers.get(name)
        if provider is None or (name == "embedded" and model != EMBEDDED_MODEL):
            raise ModelNotServed(self._refusal(model))
        return Resolved(provider, model, name)

    def _refusal(self, model: str) -> str:
        if not self._providers:
            return _NOTHING
        served = [f"{name}/…" if name != "embedded" else EMBEDDED_MODEL for name in self._providers]
        return f"the model {model!r} is not served here; served are {', '.join(served)}"

    def _info(self, model_id: str) -> ModelInfo | None:
        try:
            provider = self.resolve(model_id).provider_name
        except ModelNotServed:
            if self._providers or not self.settings.elsewhere:
                return None
            # The API's functions hold no provider's key; they show what they are told the workers serve.
            provider = "anthropic" if model_id.startswith(("claude", "anthropic/")) else "openai"
        return ModelInfo(model_id, catalog.display_name(model_id), provider, demo=provider == "embedded")

    def _build(self, limits: TimeLimits) -> dict[str, Provider]:
        settings, made = self.settings, dict[str, Provider]()
        if settings.has_anthropic:
            made["anthropic"] = AnthropicProvider(
                api_key=settings.anthropic_api_key,
                auth_token=settings.anthropic_auth_token,
                base_url=settings.anthropic_base_url,
                limits=limits,
                scrub=self.scrub,
            )
        if settings.has_openai:
            made["openai"] = OpenAIProvider(
                api_key=settings.openai_api_key, base_url=settings.openai_base_url, limits=limits, scrub=self.scrub
            )
        if settings.embedded:
            made["embedded"] = EmbeddedProvider()
        return made
