"""Probes, the documentation and the index."""

from typing import Any

from chalicelib.doors.common.docs_page import docs_page
from chalicelib.doors.common.readiness import parts_away
from chalicelib.doors.common.schemas import Alive, Health, Index, Readiness
from chalicelib.http.about import DESCRIPTION, NAME, VERSION
from chalicelib.http.gateway import gateway_of
from chalicelib.http.route import Answer, Call, Route

_LINKS = {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}
_HTML = "text/html; charset=utf-8"


async def healthz(_: Call) -> Answer:
    """The process answers."""
    return Answer(Alive(ok=True))


async def health(_: Call) -> Answer:
    """The process answers, and which release it is."""
    return Answer(Health(status="ok", version=VERSION))


async def readyz(call: Call) -> Answer:
    """Whether storage and queue answer."""
    away = await parts_away(call.services)
    return Answer(Readiness(ready=not away, away=away), 503 if away else 200)


def openapi(call: Call) -> Answer:
    """The OpenAPI document of the mounted doors."""
    assert call.request is not None
    return Answer(gateway_of(call.request.app).openapi, headers={"cache-control": "no-cache"})


async def docs(_: Call) -> Answer:
    """The documentation page."""
    page = docs_page()
    return Answer(
        page.html,
        headers={
            "content-type": _HTML,
            "content-security-policy": page.policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
        },
    )


async def index(call: Call) -> Answer:
    """The index: a page for browsers, JSON for everything else."""
    if "text/html" not in call.headers.get("accept", ""):
        return Answer(Index(name=NAME, version=VERSION, description=DESCRIPTION, links=_LINKS), headers=_VARY)
    links = "".join(f'<li><a href="{path}">{name}</a></li>' for name, path in _LINKS.items())
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"<title>{NAME}</title><h1>{NAME} {VERSION}</h1><p>{DESCRIPTION}</p><ul>{links}</ul></html>"
    )
    return Answer(page.encode(), headers={"content-type": _HTML, "content-security-policy": _NO_CONTENT, **_VARY})


_VARY = {"vary": "accept"}
_NO_CONTENT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _open(path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(("GET",), path, handler, summary, scope=None, **more)


ROUTES: tuple[Route, ...] = (
    _open("/healthz", healthz, "Whether the process answers", answers={200: Alive}),
    _open("/health", health, "Whether the process answers, and its release", answers={200: Health}),
    _open("/readyz", readyz, "Whether table and queue answer", answers={200: Readiness, 503: Readiness}),
    _open("/openapi.json", openapi, "This document", answers={200: "application/json"}),
    _open("/docs", docs, "The documentation as a page", answers={200: "text/html"}),
    _open("/", index, "Where to go from here", answers={200: Index}),
)
