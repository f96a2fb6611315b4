"""``web_search``: pages of the web that fit some words."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.environments.networking import rules_of
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.tools import arguments as given
from chalicelib.tools import hosts
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.search.provider import Hit, Provider, Query, SearchFailed
from chalicelib.tools.search.settings import provider_from
from chalicelib.tools.toolset import config_of, is_web_search, toolset_of

_MAX_BYTES = 2 * 1024 * 1024
_TIMEOUT_SECONDS = 20.0
_LONGEST_QUERY = 1000
_LONGEST_SNIPPET = 1500
_USUAL, _MOST = 10, 20
NOT_CONFIGURED = "unavailable: this server has no search service, so the web cannot be searched."
NONE_FOUND = "No results found."


class WebSearch:
    """Asks the search service this server is set up with. Refusals carry a code: ``invalid_input``, ``unavailable``,
    ``too_many_requests``."""

    name = "web_search"
    description = "Searches the web. Returns titles, addresses and excerpts of the pages found, best first."
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for."},
            "max_results": {
                "type": "integer",
                "minimum": 1,
                "description": f"How many pages at most; {_USUAL} if left out, never more than {_MOST}.",
            },
        },
        "required": ["query"],
    }
    safe_to_repeat = True

    def __init__(self, provider: Callable[[], Provider | None] = lambda: provider_from(os.environ)) -> None:
        """``provider`` gives the service, None when there is none; it may raise ValueError."""
        self._provider = provider

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """The pages as text, or an error result that names its code."""
        try:
            text = given.text(arguments, "query").strip()
            limit = min(given.number(arguments, "max_results", least=1) or _USUAL, _MOST)
        except given.Unusable as error:
            return failure(f"invalid_input: {error}")
        if not 0 < len(text) <= _LONGEST_QUERY:
            return failure(f"invalid_input: `query` has to have 1 to {_LONGEST_QUERY} characters.")
        try:
            provider = self._provider()
        except ValueError as error:
            return failure(f"unavailable: the search service is not set up rightly ({error}).")
        if provider is None:
            return failure(NOT_CONFIGURED)
        return _found(context, provider, text, limit)


def _found(context: ToolContext, provider: Provider, text: str, limit: int) -> ToolOutput:
    config = _config(context)
    try:
        found = provider.search(_query(context, config, text, limit), _sender(context))
    except SearchFailed as error:
        return failure(f"{error.code}: {error.message}")
    except OutboundError as error:
        return failure(f"unavailable: the search service cannot be reached. {error.message}")
    shown = [hit for hit in found if hosts.page_permitted(hit.url, config, context.environment)][:limit]
    return text_output("\n\n".join(_shown(number, hit) for number, hit in enumerate(shown, 1)) or NONE_FOUND)


def _config(context: ToolContext) -> dict[str, Any]:
    toolset = toolset_of(context.agent)
    alone = next((entry for entry in context.agent.get("tools") or [] if is_web_search(entry)), None)
    return (config_of(toolset, WebSearch.name) if toolset else None) or alone or {}


def _query(context: ToolContext, config: dict[str, Any], text: str, limit: int) -> Query:
    networking = rules_of(context.environment)
    # Services know hosts; what lies beside a wanted part of a site is left out of what they find.
    wanted = list(dict.fromkeys(site.partition("/")[0] for site in config.get("allowed_domains") or ()))
    unwanted = [site for site in config.get("blocked_domains") or () if "/" not in site]
    if not wanted and networking.get("type") == "limited":
        wanted = [host for host in networking.get("allowed_hosts") or () if host != "*"]
    location = {name: str(value) for name, value in (config.get("user_location") or {}).items() if value}
    return Query(text, tuple(wanted), tuple(unwanted), location, limit)


def _sender(context: ToolContext) -> Callable[[str, str, Mapping[str, str], bytes | None], OutboundAnswer]:
    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> OutboundAnswer:
        return context.outbound.request(
            method,
            url,
            headers={"user-agent": "Lambent", **headers},
            body=body,
            timeout_s=min(context.timeout_s, _TIMEOUT_SECONDS),
            max_bytes=_MAX_BYTES,
            cancelled=context.cancelled,
            # The key is meant for this host and no other.
            follow=0,
        )

    return send


def _shown(number: int, hit: Hit) -> str:
    title = " ".join(hit.title.split())
    snippet = " ".join(hit.snippet.split())[:_LONGEST_SNIPPET]
    return f"{number}. {title}\n{hit.url}\n{snippet}".rstrip()
