"""SearXNG, and whatever speaks its JSON."""

from dataclasses import dataclass
from urllib.parse import urlencode

from chalicelib.tools.search.provider import Hit, Query, Send, answered, hits, with_sites

_MOST_SITES = 8


@dataclass(frozen=True, slots=True)
class SearxNG:
    """The service at a URL, with or without ``/search`` at its end; a key is sent as a bearer token."""

    url: str
    key: str = ""

    def search(self, query: Query, send: Send) -> list[Hit]:
        """As of Provider."""
        base = self.url.rstrip("/")
        address = base if base.endswith("/search") else f"{base}/search"
        asked = urlencode({"q": with_sites(query, _MOST_SITES), "format": "json", "safesearch": "0"})
        headers = {"accept": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        found = answered(send("GET", f"{address}?{asked}", headers, None))
        return hits(found.get("results"), "content")
