"""HTTP events answered by the ASGI app, through Mangum.

Mangum runs the request's ASGI cycle. How an event becomes a scope is decided by `http_event`, so that the
buffered and the streaming edge read paths, repeated headers and cookies in one and the same way.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import Any

from mangum import Mangum

from chalicelib.aws import http_answer, http_event


class GatewayHandler:
    """Mangum's handler protocol over this package's reading of events and writing of answers."""

    @classmethod
    def infer(cls, event: http_event.Event, context: object, config: object) -> bool:  # noqa: ARG003
        return True

    def __init__(self, event: http_event.Event, context: object, config: object) -> None:  # noqa: ARG002
        self._request = http_event.parse(event, context)

    @property
    def body(self) -> bytes:
        return self._request.body

    @property
    def scope(self) -> dict[str, Any]:
        return self._request.scope

    def __call__(self, response: dict[str, Any]) -> dict[str, Any]:
        status, headers, body = response["status"], response["headers"], response["body"]
        head = self.scope["method"] == "HEAD"
        return http_answer.buffered(status, headers, body, version=self._request.version, head=head)


def handle(event: http_event.Event, context: object) -> dict[str, Any]:
    """The proxy answer to one HTTP event, in one piece.

    Raises:
        EventError: the event is not an HTTP event.
    """
    answer: dict[str, Any] = prepare()(event, context)
    return answer


@cache
def prepare() -> Any:
    """The adapter over this process's app, made at the first call."""
    from chalicelib.http.app import create_app

    return adapter(create_app())


def adapter(app: Any) -> Any:
    """`app` behind Mangum, on an event loop that lives as long as the execution environment."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    # A line for every request is the app's to write, with its tenant and its id.
    logging.getLogger("mangum").setLevel(logging.WARNING)
    return Mangum(app, lifespan="off", custom_handlers=[GatewayHandler])
