"""Whatever calls out is tried with every spelling of an inner address, straight and behind redirects of an open host.

A new way out is a function in ``WAYS``.
"""

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from chalicelib.core.errors import LambentError
from chalicelib.integrations.providers.calls import Calls
from chalicelib.mcp.oauth.discovery import Discovery
from chalicelib.mcp.wire import Witness, client
from chalicelib.modelcards.draft import ModelsAsk
from chalicelib.modelcards.probe import Prober
from chalicelib.models.guarded_client import guarded_client
from chalicelib.outbound.guard import Outbound
from chalicelib.tools.http_call import HttpCall
from chalicelib.tools.web_fetch import WebFetch
from chalicelib.vaults import token_endpoint
from chalicelib.webhooks.places import PlaceRules, demand_allowed
from tests.functional.outbound.calls import Names, call
from tests.functional.outbound.web import Seen, Web, serving
from tests.functional.tools.contexts import context
from tests.support.canary import Canary
from tests.support.inner_urls import CORPUS

DISGUISES = {"inner_test": [["10.0.0.1"]], "meta_test": [["169.254.169.254"]], "mixed_test": [["8.8.8.8", "::1"]]}
FORMS = [*CORPUS, *(f"http://{name.replace('_', '.')}:{{port}}/" for name in (*DISGUISES, "own_test"))]
STATUSES = (301, 302, 303, 307, 308)


def names() -> Names:
    """Those that lead inside, of all that there are; one is allowed where the operator says so."""
    local: dict[str, Any] = {"localhost": [["127.0.0.1"]], "own_test": [["127.0.0.1"]], "outer_test": [["127.0.0.1"]]}
    return Names(**local, **DISGUISES)


def fetched(outbound: Outbound, url: str) -> None:
    WebFetch().run(context(outbound=outbound), {"url": url})


def called(outbound: Outbound, url: str) -> None:
    definition = {"type": "custom", "name": "x", "description": "x", "input_schema": {"type": "object"}}
    HttpCall({**definition, "execution": {"type": "http", "endpoint": url}}).run(context(outbound=outbound), {})


def asked_for_tokens(outbound: Outbound, url: str) -> None:
    token_endpoint.ask(outbound, url, token_endpoint.Client("app"), {"grant_type": "refresh_token"})


def discovered(outbound: Outbound, url: str) -> None:
    Discovery(outbound).authority(url)


def asked_for_models(outbound: Outbound, url: str) -> None:
    sent = {"provider": "oai-compatible", "api_key": "k" * 20, "base_url": url}
    Prober(outbound).models(ModelsAsk.model_validate(sent))


def integrated(outbound: Outbound, url: str) -> None:
    Calls(outbound, "Provider").json("POST", url, {})


def hooked(outbound: Outbound, url: str) -> None:
    demand_allowed(outbound, PlaceRules(plain_http=True, any_port=True), url)
    call(outbound, url, "POST", follow=0)


def spoken(outbound: Outbound, url: str) -> None:
    asyncio.run(_posted(client(outbound, None, Witness(), 5), url))


def generated(outbound: Outbound, url: str) -> None:
    asyncio.run(_posted(guarded_client(outbound, {}), url))


async def _posted(http: httpx2.AsyncClient, url: str) -> None:
    async with http:
        await http.post(url, json={})


WAYS: list[Callable[[Outbound, str], None]] = [
    fetched,
    called,
    asked_for_tokens,
    discovered,
    asked_for_models,
    integrated,
    hooked,
    spoken,
    generated,
]
_REFUSALS = (LambentError, ValidationError, httpx2.HTTPError, httpx2.InvalidURL)


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with Canary() as running:
        yield running


def tried(way: Callable[[Outbound, str], None], outbound: Outbound, url: str) -> None:
    """A call that may be refused, but may not break."""
    with suppress(*_REFUSALS):
        way(outbound, url)


@pytest.mark.parametrize("way", WAYS)
def test_no_spelling_reaches_the_inside(canary: Canary, way: Callable[[Outbound, str], None]) -> None:
    outbound, before, reached = Outbound(lookup=names()), canary.met, []
    for form in FORMS:
        tried(way, outbound, form.replace("{port}", str(canary.port)))
        if canary.met != before:
            reached.append(form)
            before = canary.met
    assert reached == []
    tried(way, Outbound(("own.test",), lookup=names()), f"http://own.test:{canary.port}/")
    assert canary.met > before


@pytest.mark.parametrize("way", [fetched, called])
def test_no_redirect_leads_inside(canary: Canary, way: Callable[[Outbound, str], None]) -> None:
    places, moving = iter(FORMS), itertools.cycle(STATUSES)

    def handler(connection: socket.socket, seen: Seen) -> None:
        where = "/next" if seen.target == "/start" else place
        head = f"HTTP/1.1 {next(moving)} Moved\r\nContent-Length: 0\r\nLocation: "
        connection.sendall(head.encode() + where.encode() + b"\r\n\r\n")

    before, outbound = canary.met, Outbound(("outer.test",), lookup=names())
    web: Web
    with serving(handler) as web:
        for number, form in enumerate(places):
            place = form.replace("{port}", str(canary.port))
            if not {"\r", "\n", "\0"} & set(place):
                tried(way, outbound, web.url("/start" if number % 9 == 0 else "/once", host="outer.test"))
        assert len(web.requests) > len(FORMS) * 0.9
    assert canary.met == before
