"""``web_fetch``: a page the conversation has mentioned, as plain text."""

from dataclasses import dataclass
from typing import Any

from chalicelib.outbound.errors import AddressRefused, OutboundError, UrlRefused
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.outbound.url import Url
from chalicelib.tools import hosts
from chalicelib.tools.base import ToolContext, ToolOutput, failure
from chalicelib.tools.html_text import read_page
from chalicelib.tools.media import decoded, is_html, is_text, media_type
from chalicelib.tools.output import MAX_CHARS
from chalicelib.tools.toolset import config_of, toolset_of

_MAX_BYTES = 2 * 1024 * 1024
_MAX_TEXT = 1_000_000
_TIMEOUT_SECONDS = 30.0
_NOTE_ROOM = 200
_USUAL_LENGTH = 50_000
_CHARS_PER_TOKEN = 4
_MAX_TITLE = 300


class _DomainRefused(UrlRefused):
    """The agent's or the environment's rules do not let this host be called."""


@dataclass(frozen=True, slots=True)
class _Text:
    title: str
    text: str
    whole: bool


class WebFetch:
    """Reads one URL with GET. Refusals carry a code: ``invalid_input``, ``url_not_in_prior_context``,
    ``url_not_allowed``, ``url_not_accessible``, ``unsupported_content_type``."""

    name = "web_fetch"
    description = (
        "Reads a web page or a text document and returns it as plain text with its title. "
        "Only a URL that has already appeared in the conversation can be fetched."
    )
    input_schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "url": {"type": "string", "description": "The http or https address to read."},
            "max_length": {
                "type": "integer",
                "minimum": 1,
                "description": f"How many characters of the text to return at most; {_USUAL_LENGTH} if left out.",
            },
        },
        "required": ["url"],
    }
    safe_to_repeat = True

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """One document block, or an error result that names its code."""
        url, length = arguments.get("url"), arguments.get("max_length", _USUAL_LENGTH)
        if not isinstance(url, str) or not url.strip():
            return failure("invalid_input: `url` has to be a web address.")
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            return failure("invalid_input: `max_length` has to be a positive whole number.")
        url = url.strip()
        if not context.seen_urls(url):
            return failure("url_not_in_prior_context: only a URL that has appeared in the conversation can be fetched.")
        return _fetched(context, url, min(length, _longest(_config(context))))


def _fetched(context: ToolContext, url: str, length: int) -> ToolOutput:
    try:
        answer = _get(context, url)
    except (AddressRefused, _DomainRefused) as error:
        return failure(f"url_not_allowed: {error.message}")
    except OutboundError as error:
        return failure(f"url_not_accessible: {error.message}")
    if answer.status >= 400:
        return failure(f"url_not_accessible: the server answered {answer.status}.")
    if not is_text(answer):
        return failure(f"unsupported_content_type: {media_type(answer)} cannot be read as text.")
    return ToolOutput([_document(_text_of(answer), length)])


def _get(context: ToolContext, url: str) -> OutboundAnswer:
    config = _config(context)

    def check(target: Url) -> None:
        if not hosts.permitted(target.host, config, context.environment):
            raise _DomainRefused(f"{target.host} is not among the hosts that may be fetched.")

    return context.outbound.request(
        "GET",
        url,
        headers={
            "accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.5",
            "accept-language": "en, *;q=0.5",
            "user-agent": "Mozilla/5.0 (compatible; Lambent)",
        },
        body=None,
        timeout_s=min(context.timeout_s, _TIMEOUT_SECONDS),
        max_bytes=_MAX_BYTES,
        cancelled=context.cancelled,
        check=check,
    )


def _config(context: ToolContext) -> dict[str, Any]:
    toolset = toolset_of(context.agent)
    return (config_of(toolset, WebFetch.name) if toolset else None) or {}


def _longest(config: dict[str, Any]) -> int:
    tokens = config.get("max_content_tokens")
    most = MAX_CHARS - _NOTE_ROOM
    return min(most, tokens * _CHARS_PER_TOKEN) if isinstance(tokens, int) and tokens > 0 else most


def _text_of(answer: OutboundAnswer) -> _Text:
    text = decoded(answer)
    if not is_html(answer):
        return _Text(answer.url, text, not answer.truncated)
    page = read_page(text, answer.url, _MAX_TEXT)
    return _Text(page.title or answer.url, page.text, page.whole and not answer.truncated)


def _document(read: _Text, length: int) -> dict[str, Any]:
    kept = read.text[:length] or "(the page has no text)"
    if len(read.text) > length or not read.whole:
        of = f"of {len(read.text)}" if read.whole else f"of more than {len(read.text)}"
        kept += f"\n\n[Cut here: {min(length, len(read.text))} {of} characters are shown.]"
    source = {"type": "text", "media_type": "text/plain", "data": kept}
    return {"type": "document", "source": source, "title": read.title[:_MAX_TITLE]}
