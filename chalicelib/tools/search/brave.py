"""The Brave Search API."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import quote, urlencode

from chalicelib.tools.search.provider import Hit, Query, Send, answered, hits, with_sites

_MOST_SITES = 8
_MOST_HITS = 20
_LONGEST_QUERY = 400
_TAG = re.compile(r"</?(?:strong|b|em|i)>")
_LOCATION = {
    "city": "x-loc-city",
    "region": "x-loc-state-name",
    "country": "x-loc-country",
    "timezone": "x-loc-timezone",
}


@dataclass(frozen=True, slots=True)
class Brave:
    """The service, by its key."""

    key: str
    url: str = "https://api.search.brave.com/res/v1/web/search"

    def search(self, query: Query, send: Send) -> list[Hit]:
        """As of Provider."""
        text = with_sites(query, _MOST_SITES)
        asked = {"q": text if len(text) <= _LONGEST_QUERY else query.text[:_LONGEST_QUERY]}
        asked["count"] = str(min(query.limit, _MOST_HITS))
        location = query.user_location or {}
        if country := location.get("country"):
            asked["country"] = country
        headers = {"accept": "application/json", "x-subscription-token": self.key}
        headers |= {_LOCATION[name]: quote(value, safe=" /") for name, value in location.items() if name in _LOCATION}
        found = answered(send("GET", f"{self.url}?{urlencode(asked)}", headers, None))
        web = found.get("web")
        return [_plain(hit) for hit in hits(web.get("results") if isinstance(web, dict) else None, "description")]


def _plain(hit: Hit) -> Hit:
    """The words a service marks as hits are marked for readers of HTML."""
    return Hit(unescape(_TAG.sub("", hit.title)), hit.url, unescape(_TAG.sub("", hit.snippet)))
