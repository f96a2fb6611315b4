"""The Tavily search API."""

from dataclasses import dataclass
from typing import Any

from chalicelib.core import jsonio
from chalicelib.tools.search.provider import Hit, Query, Send, answered, hits

_MOST_HITS = 20
_LONGEST_QUERY = 400


@dataclass(frozen=True, slots=True)
class Tavily:
    """The service, by its key."""

    key: str
    url: str = "https://api.tavily.com/search"

    def search(self, query: Query, send: Send) -> list[Hit]:
        """As of Provider."""
        asked: dict[str, Any] = {"query": query.text[:_LONGEST_QUERY], "max_results": min(query.limit, _MOST_HITS)}
        if query.allowed_domains:
            asked["include_domains"] = list(query.allowed_domains)
        if query.blocked_domains:
            asked["exclude_domains"] = list(query.blocked_domains)
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "authorization": f"Bearer {self.key}",
        }
        return hits(answered(send("POST", self.url, headers, jsonio.dump_bytes(asked))).get("results"), "content")
