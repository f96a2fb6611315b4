"""A card whose address leads inward is neither tried nor used: no connection is made, whatever the spelling."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.core.ids import new_id
from chalicelib.modelcards.draft import CardCreate, CardUpdate
from chalicelib.modelcards.errors import ProviderFailed
from chalicelib.modelcards.model import ModelCard
from chalicelib.modelcards.probe import Prober
from chalicelib.modelcards.serving import Serving
from chalicelib.models.errors import ModelError, ModelRequestRefused
from chalicelib.models.registry import Registry
from chalicelib.models.request import ModelRequest
from chalicelib.models.runner import open_stream
from chalicelib.models.settings import ModelSettings
from chalicelib.outbound.guard import Outbound
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.functional.modelcards.inward import HOSTS, lookup
from tests.support.trap import Trap

SPACE = Space(new_id())
GUARD = Outbound((), lookup=lookup)
REQUEST = ModelRequest("real", None, [{"role": "user", "content": "hello"}])


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    with Trap("who is there", "200 OK") as listening:
        yield listening


def sent(base_url: str, **fields: Any) -> CardCreate:
    """A card's request."""
    usual = {"model_id": new_id(), "provider": "oai-compatible", "api_key": "k" * 20, "base_url": base_url}
    return CardCreate.model_validate(usual | fields)


def chunk_of(serving: Serving, card: ModelCard) -> object:
    """The first thing a run gets from the card's provider. Raises ModelError."""
    resolved = serving.open(SPACE).resolve(card.model_id)
    return open_stream(resolved.provider, REQUEST).next(10)


@pytest.mark.parametrize("kind", ["ant-compatible", "oai-compatible"])
def test_an_address_inside_is_not_called(services: Services, trap: Trap, kind: str) -> None:
    serving = Serving(services.model_cards, services.model_cards.roster, Registry(ModelSettings()), GUARD)
    before, unreadable = trap.came, []
    for host in HOSTS:
        try:
            wanted = sent(f"http://{host}:{trap.port}", provider=kind)
        except ValidationError:
            unreadable.append(host)
            continue
        card = services.model_cards.create(SPACE, wanted)
        tried = Prober(GUARD).probe(card, services.model_cards.secrets(SPACE, card))
        assert (tried.ok, str(tried.message)[:14]) == (False, "Probe failed: "), host
        with pytest.raises(ModelRequestRefused, match="may not be called") as refused:
            chunk_of(serving, card)
        assert not refused.value.retryable, host
    assert trap.came == before
    assert len(unreadable) < 6, unreadable


def test_a_name_is_judged_at_every_connection(services: Services, trap: Trap) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    changing = Outbound(("127.0.0.1",), lookup=lambda _: lookup_of(next(answers)))
    card = services.model_cards.create(SPACE, sent(f"http://outer.example:{trap.port}"))
    secrets = services.model_cards.secrets(SPACE, card)
    before = trap.came
    assert Prober(changing).probe(card, secrets).ok
    assert not Prober(changing).probe(card, secrets).ok
    assert trap.came == before + 1


def lookup_of(texts: list[str]) -> list[Any]:
    """Addresses."""
    from ipaddress import ip_address

    return [ip_address(text) for text in texts]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "169.254.169.254"])
def test_a_provider_inside_is_not_asked_for_its_models(trap: Trap, host: str) -> None:
    from chalicelib.modelcards.draft import ModelsAsk

    ask = ModelsAsk.model_validate({"provider": "oai", "api_key": "k" * 20, "base_url": f"http://{host}:{trap.port}"})
    before = trap.came
    with pytest.raises(ProviderFailed):
        Prober(GUARD).models(ask)
    assert trap.came == before


def test_the_environment_leads_nobody_astray(
    services: Services, trap: Trap, monkeypatch: pytest.MonkeyPatch, other: Callable[[], Trap]
) -> None:
    """Neither a proxy nor headers and keys of the operator's environment reach an address of a tenant."""
    proxy = other()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-operator: kanarienvogel")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "kanarienvogel")
    monkeypatch.setenv("OPENAI_ORG_ID", "kanarienvogel")
    monkeypatch.setenv("OPENAI_API_KEY", "kanarienvogel")
    serving = Serving(
        services.model_cards, services.model_cards.roster, Registry(ModelSettings()), Outbound(("127.0.0.1",))
    )
    for kind in ("ant", "ant-compatible", "oai", "oai-compatible"):
        teller = other()
        card = services.model_cards.create(SPACE, sent(teller.url, provider=kind))
        with pytest.raises(ModelError) as told:
            chunk_of(serving, card)
        assert "HTTP" in told.value.message
        assert "kanarienvogel" not in told.value.message
        assert "x-stainless" not in told.value.message.lower()
        assert teller.came == 1
    assert proxy.came == 0


@pytest.fixture
def other() -> Iterator[Callable[[], Trap]]:
    """Makes addresses that repeat what they received."""
    made: list[Trap] = []

    def make() -> Trap:
        made.append(Trap("{received}", "400 Bad Request").__enter__())
        return made[-1]

    yield make
    for one in made:
        one.__exit__(None, None, None)


def test_a_rotated_card_has_a_new_client_and_the_old_one_is_closed_when_nobody_needs_it(services: Services) -> None:
    serving = Serving(services.model_cards, services.model_cards.roster, Registry(ModelSettings()), GUARD)
    card = services.model_cards.create(SPACE, sent("https://outer.example"))
    old = serving.open(SPACE)
    provider = old.resolve(card.model_id).provider
    assert serving.open(SPACE).resolve(card.model_id).provider is provider
    closed = threading.Event()
    inner: Any = provider._inner  # type: ignore[attr-defined]
    inner.aclose = _noting(closed)
    services.model_cards.update(SPACE, card.id, CardUpdate.model_validate({"api_key": "n" * 20}))
    assert serving.open(SPACE).resolve(card.model_id).provider is not provider
    assert old.resolve(card.model_id).provider is provider
    del provider
    assert not closed.wait(0.05)
    del old
    assert closed.wait(5)


def _noting(closed: threading.Event) -> Callable[[], Any]:
    async def aclose() -> None:
        closed.set()

    return aclose
