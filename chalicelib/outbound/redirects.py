"""What is asked next when a host answers with a redirect."""

from dataclasses import replace

from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.exchange import OutboundAnswer, Request

_STATUSES = frozenset((301, 302, 303, 307, 308))
# A header may be a credential under any name, so another origin is told only what says nothing about the caller.
_HARMLESS = frozenset(("accept", "accept-language", "content-type", "idempotency-key", "user-agent"))


def is_redirect(answer: OutboundAnswer) -> bool:
    """Whether the answer sends the caller elsewhere."""
    return answer.status in _STATUSES and bool(answer.headers.get("location"))


def redirected(request: Request, answer: OutboundAnswer) -> Request:
    """The request that follows the answer. Raises UrlRefused."""
    target = urls.join(request.url, answer.headers["location"])
    if target.scheme == "http" and request.url.scheme == "https" and _confidential(request):
        raise UrlRefused("The host redirects from https to http, which would show the request to others.")
    headers = request.headers
    if target.origin != request.url.origin:
        headers = {name: value for name, value in headers.items() if name in _HARMLESS}
    moved = replace(request, url=target, headers=headers)
    return _as_get(moved) if _becomes_get(request.method, answer.status) else moved


def _confidential(request: Request) -> bool:
    return request.body is not None or bool(request.headers.keys() - _HARMLESS)


def _becomes_get(method: str, status: int) -> bool:
    return (status == 303 and method not in ("GET", "HEAD")) or (status in (301, 302) and method == "POST")


def _as_get(request: Request) -> Request:
    headers = {name: value for name, value in request.headers.items() if not name.startswith("content-")}
    return replace(request, method="GET", headers=headers, body=None)
