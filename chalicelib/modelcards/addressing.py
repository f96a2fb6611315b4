"""Where the calls for a card go, and the headers they carry. The same for the probe and for runs."""

from collections.abc import Mapping

from chalicelib.modelcards.model import ModelCard, Secrets

OFFICIAL = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com"}
_VERSION = "2023-06-01"


def base_of(wire: str, base_url: str | None) -> str:
    """The address with its ``/v1``, to which a path is added."""
    base = (base_url or OFFICIAL[wire]).rstrip("/")
    return base if base.endswith("/v1") else f"{base}/v1"


def is_official(card: ModelCard) -> bool:
    """Whether the card's calls go to the vendor itself."""
    return card.base_url is None or base_of(card.wire, card.base_url) == base_of(card.wire, None)


def credentials(provider: str, key: str) -> dict[str, str]:
    """The headers by which a kind of provider knows a key; servers that are only compatible may look for either."""
    bearer = {"authorization": f"Bearer {key}"}
    if provider == "ant":
        return {"x-api-key": key, "anthropic-version": _VERSION}
    if provider == "ant-compatible":
        return {"x-api-key": key, "anthropic-version": _VERSION, **bearer}
    return bearer


def headers_of(card: ModelCard, secrets: Secrets) -> dict[str, str]:
    """The key and the card's own headers, which win."""
    own: Mapping[str, str] = {name: text for name, text in card.custom_headers.items() if text is not None}
    return credentials(card.provider, secrets.api_key) | dict(own) | secrets.headers
