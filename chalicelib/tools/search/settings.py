"""Which search service this server uses."""

from collections.abc import Mapping

from chalicelib.tools.search.brave import Brave
from chalicelib.tools.search.provider import Provider
from chalicelib.tools.search.searxng import SearxNG
from chalicelib.tools.search.tavily import Tavily

_NAMES = ("brave", "tavily", "searxng")


def provider_from(env: Mapping[str, str]) -> Provider | None:
    """The service of ``LAMBENT_SEARCH_PROVIDER`` with ``LAMBENT_SEARCH_KEY``, at ``LAMBENT_SEARCH_URL`` if given; a
    URL alone means SearXNG. None when nothing is set. Raises ValueError when something is missing."""
    url, key = env.get("LAMBENT_SEARCH_URL", "").strip(), env.get("LAMBENT_SEARCH_KEY", "").strip()
    name = env.get("LAMBENT_SEARCH_PROVIDER", "").strip().lower() or ("searxng" if url else "")
    if not name:
        return None
    if name not in _NAMES:
        raise ValueError(f"LAMBENT_SEARCH_PROVIDER must be one of {', '.join(_NAMES)}, not {name!r}")
    if name == "searxng":
        if not url:
            raise ValueError("LAMBENT_SEARCH_URL is needed for searxng")
        return SearxNG(url, key)
    if not key:
        raise ValueError(f"LAMBENT_SEARCH_KEY is needed for {name}")
    service = Brave if name == "brave" else Tavily
    return service(key, url) if url else service(key)
