"""What a search service is asked, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.core import jsonio
from chalicelib.outbound.exchange import OutboundAnswer

Send = Callable[[str, str, Mapping[str, str], bytes | None], OutboundAnswer]
"""One HTTP call: method, URL, headers, body. Raises OutboundError."""


class SearchFailed(Exception):
    """The service did not answer as it should; ``code`` says what kind of trouble it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Hit:
    """One page that was found."""

    title: str
    url: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: hosts that alone are wanted, hosts that are not, where the user roughly is, how many pages."""

    text: str
    allowed_domains: tuple[str, ...] = ()
    blocked_domains: tuple[str, ...] = ()
    user_location: Mapping[str, str] | None = None
    limit: int = 10


class Provider(Protocol):
    """A search service. It may ignore the domains it cannot express: what it finds is looked through again."""

    def search(self, query: Query, send: Send) -> list[Hit]:
        """The pages found, best first. Raises SearchFailed, OutboundError."""
        ...


def answered(answer: OutboundAnswer) -> dict[str, Any]:
    """The JSON object a service answered. Raises SearchFailed."""
    if answer.status == 429:
        raise SearchFailed("too_many_requests", "the search service is asked too often at the moment.")
    if answer.status in (401, 403):
        raise SearchFailed("unavailable", "the search service does not accept this server's key.")
    if answer.status != 200:
        raise SearchFailed("unavailable", f"the search service answered {answer.status}.")
    try:
        found = jsonio.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SearchFailed("unavailable", "the search service did not answer with a JSON object.")
    return found


def hits(entries: Any, snippet: str) -> list[Hit]:
    """The entries of an answer that name a page; ``snippet`` is the field with their text."""
    listed = entries if isinstance(entries, list) else []
    return [
        Hit(str(entry.get("title") or entry["url"]), entry["url"], str(entry.get(snippet) or ""))
        for entry in listed
        if isinstance(entry, dict) and str(entry.get("url") or "").startswith(("http://", "https://"))
    ]


def with_sites(query: Query, most: int) -> str:
    """The text with the operators many services know for hosts, as long as there are few enough to be understood."""
    words = [query.text]
    wanted = [_bare(domain) for domain in query.allowed_domains]
    if 0 < len(wanted) <= most:
        sites = " OR ".join(f"site:{domain}" for domain in wanted)
        words.append(f"({sites})" if len(wanted) > 1 else sites)
    if len(query.blocked_domains) <= most:
        words += [f"-site:{_bare(domain)}" for domain in query.blocked_domains]
    return " ".join(words)


def _bare(domain: str) -> str:
    return domain.strip().removeprefix("*.")
