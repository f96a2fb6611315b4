"""Makes a card and its secrets out of what a client sent and of what was stored before."""

from pydantic import SecretStr

from chalicelib.modelcards.draft import CardCreate, CardUpdate
from chalicelib.modelcards.errors import invalid
from chalicelib.modelcards.model import DEFAULT, ModelCard, Secrets
from chalicelib.models.scrub import HIDDEN

_PREVIEW = 4
_HARMLESS = frozenset(
    (
        *("accept", "accept-language", "user-agent", "http-referer", "referer", "x-title"),
        *("anthropic-version", "anthropic-beta", "openai-beta", "openai-organization", "openai-project"),
    )
)
"""Headers that name a caller or a version; every other one may hold a secret."""


def made(sent: CardCreate, card_id: str, at_ms: int) -> tuple[ModelCard, Secrets]:
    """A new card, without its secrets, and these. Raises InvalidRequest."""
    shown, secret = _headers(sent.headers, Secrets(api_key=""))
    key = sent.api_key.get_secret_value()
    card = ModelCard(
        id=card_id,
        model_id=sent.model_id,
        model=sent.model or sent.model_id,
        provider=sent.provider,
        base_url=sent.base_url or None,
        custom_headers=shown,
        api_key_preview=_preview(key),
        fallbacks=sent.fallbacks or [],
        prices=sent.prices.listed() if sent.prices else None,
        created_at=at_ms,
        updated_at=at_ms,
    )
    return _checked(card), Secrets(api_key=key, headers=secret)


def changed(card: ModelCard, secrets: Secrets, sent: CardUpdate) -> tuple[ModelCard, Secrets]:
    """The card and its secrets after an update. Raises InvalidRequest."""
    for name in ("model_id", "provider", "api_key", "is_default"):
        if sent.sent(name) and getattr(sent, name) is None:
            raise invalid(name, "cannot be cleared")
    news: dict[str, object] = {
        "model_id": sent.model_id or card.model_id,
        "provider": sent.provider or card.provider,
        "model": _model(card, sent),
    }
    if sent.sent("base_url"):
        news["base_url"] = sent.base_url or None
    if sent.sent("fallbacks"):
        news["fallbacks"] = sent.fallbacks or []
    if sent.sent("prices"):
        news["prices"] = sent.prices.listed() if sent.prices else None
    if sent.sent("custom_headers"):
        news["custom_headers"], kept = _headers(sent.headers, secrets)
        secrets = secrets.model_copy(update={"headers": kept})
    if sent.api_key is not None:
        key = sent.api_key.get_secret_value()
        news["api_key_preview"] = _preview(key)
        secrets = secrets.model_copy(update={"api_key": key})
    return _checked(card.model_copy(update=news)), secrets


def _model(card: ModelCard, sent: CardUpdate) -> str:
    """A model that was never named apart follows the ``model_id``."""
    if sent.sent("model"):
        return sent.model or sent.model_id or card.model_id
    return (sent.model_id or card.model_id) if card.model == card.model_id else card.model


def _preview(key: str) -> str:
    """The end of a key, for people to tell keys apart; of a short one less, so that most of it stays unsaid."""
    return key[-min(_PREVIEW, max(len(key) // 2, 1)) :]


def _headers(sent: dict[str, SecretStr], before: Secrets) -> tuple[dict[str, str | None], dict[str, str]]:
    """Names with the values that may be shown, and the values that may not; ``[hidden]`` stands for the one before."""
    shown: dict[str, str | None] = {}
    secret: dict[str, str] = {}
    for name, given in sent.items():
        value = given.get_secret_value()
        if value == HIDDEN and name in before.headers:
            value = before.headers[name]
        elif value == HIDDEN:
            raise invalid(f"custom_headers.{name}", "has no value to keep")
        if name in _HARMLESS:
            shown[name] = value
        else:
            shown[name], secret[name] = None, value
    return shown, secret


def _checked(card: ModelCard) -> ModelCard:
    if card.model_id == DEFAULT:
        raise invalid("model_id", f"{DEFAULT!r} stands for the default card")
    if len(set(card.fallbacks)) < len(card.fallbacks):
        raise invalid("fallbacks", "a model is named more than once")
    if {card.model_id, DEFAULT} & set(card.fallbacks):
        raise invalid("fallbacks", "a card cannot fall back to itself or to the default")
    return card
