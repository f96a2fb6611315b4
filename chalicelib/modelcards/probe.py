"""Asks providers what they serve: one call each, to an address a tenant chose, within a few seconds."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chalicelib.core.jsonio import dump_bytes, loads
from chalicelib.modelcards.addressing import base_of, credentials, headers_of, is_official
from chalicelib.modelcards.draft import ModelsAsk
from chalicelib.modelcards.errors import ProviderFailed
from chalicelib.modelcards.model import ModelCard, Secrets
from chalicelib.models.scrub import Scrubber
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.outbound.guard import Outbound

SECONDS = 5.5
_MOST_BYTES = 64 << 10
_MOST_LIST_BYTES = 2 << 20
_MOST_WORDS = 300
_SHORT_SECRET = 6
_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a card's address answers; ``message`` says why not."""

    ok: bool
    message: str | None = None


class Prober:
    """Makes the calls."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def probe(self, card: ModelCard, secrets: Secrets) -> Probe:
        """Ask a card's model for a single token."""
        try:
            answer = self._post(card, secrets)
        except OutboundError as error:
            return Probe(False, f"Probe failed: {error.message}")
        if answer.status in _OK:
            return Probe(True)
        said = _said(answer.body, [secrets.api_key, *secrets.headers.values()])
        return Probe(False, f"Provider returned HTTP {answer.status}: {said}")

    def _post(self, card: ModelCard, secrets: Secrets) -> OutboundAnswer:
        body: dict[str, Any] = {"model": card.model, "messages": [{"role": "user", "content": "Hi"}]}
        newer = card.wire == "openai" and is_official(card)
        body["max_completion_tokens" if newer else "max_tokens"] = 1
        path = "/messages" if card.wire == "anthropic" else "/chat/completions"
        return self._outbound.request(
            "POST",
            base_of(card.wire, card.base_url) + path,
            headers={"content-type": "application/json", **headers_of(card, secrets)},
            body=dump_bytes(body),
            timeout_s=SECONDS,
            max_bytes=_MOST_BYTES,
            cancelled=threading.Event(),
            follow=0,
        )

    def models(self, ask: ModelsAsk) -> list[tuple[str, str]]:
        """Ids and names of the models a provider has for a key. Raises ProviderFailed."""
        key = ask.api_key.get_secret_value()
        try:
            answer = self._outbound.request(
                "GET",
                base_of("anthropic" if ask.provider.startswith("ant") else "openai", ask.base_url) + "/models",
                headers=credentials(ask.provider, key),
                body=None,
                timeout_s=SECONDS,
                max_bytes=_MOST_LIST_BYTES,
                cancelled=threading.Event(),
                follow=0,
            )
        except OutboundError as error:
            raise ProviderFailed(f"The provider could not be asked: {error.message}") from error
        if answer.status not in _OK:
            raise ProviderFailed(f"Provider returned HTTP {answer.status}: {_said(answer.body, [key])}")
        return _listed(answer.body)


def _listed(body: bytes) -> list[tuple[str, str]]:
    with suppress(ValueError, TypeError, AttributeError, KeyError):
        return [(str(one["id"]), str(one.get("display_name") or one["id"])) for one in loads(body)["data"]]
    raise ProviderFailed("The provider's answer is not a list of models.")


def _said(body: bytes, secrets: list[str]) -> str:
    """What a provider said about its refusal, cut, and without anything that was sent to it in confidence."""
    text = " ".join(_words(body).split())
    if any(secret in text for secret in secrets if 0 < len(secret) < _SHORT_SECRET):
        return "the message repeats a secret and is not shown"
    clean = Scrubber(secrets)(text)
    return (clean if clean.isprintable() else "")[:_MOST_WORDS] or "no further word"


def _words(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        found = loads(text)
    except ValueError:
        return "" if "<" in text else text
    inner = found.get("error", found) if isinstance(found, Mapping) else found
    words = inner.get("message") or inner.get("detail") if isinstance(inner, Mapping) else inner
    return words if isinstance(words, str) else ""
