"""The Agents API's paths: below this family's own base, and on the shared one for clients that say who they are."""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.http.route import Route

_BASE = "/openai"


def asks_for_agents(headers: Mapping[str, str]) -> bool:
    """Whether a client of the Agents API asks, and none of the API whose paths it shares."""
    return "agents=v1" in headers.get("openai-beta", "") and not any(name.startswith("anthropic-") for name in headers)


def both_bases(*routes: Route) -> tuple[Route, ...]:
    """The routes, and each again without the base for requests that tell by a header where they belong."""
    shared = (replace(route, path=route.path.removeprefix(_BASE), when=asks_for_agents) for route in routes)
    return (*routes, *shared)
