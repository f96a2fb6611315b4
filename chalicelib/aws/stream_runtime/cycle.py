"""One invocation: the ASGI app between the request that came and the answer that streams out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from chalicelib.aws import http_answer, http_event
from chalicelib.aws.stream_runtime.answer import Answer
from chalicelib.aws.stream_runtime.api import Invocation, RuntimeApi
from chalicelib.aws.stream_runtime.context import Context
from chalicelib.aws.stream_runtime.errors import AppMisbehavedError, DeadlineReachedError
from chalicelib.observability import log_failure, logger

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Seconds before the function's deadline: the app is told that its client has gone ...
HANG_UP_SECONDS = 5.0
# ... and, if it went on all the same, it is stopped.
STOP_SECONDS = 1.5


class Cycle:
    """The ASGI conversation of one invocation."""

    def __init__(self, api: RuntimeApi, invocation: Invocation) -> None:
        self._api, self._invocation = api, invocation
        self._request = http_event.parse(invocation.event, Context(invocation))
        self._bodiless = self._request.scope["method"] == "HEAD"
        self._received = False
        self._gone = asyncio.Event()
        self._answer: Answer | None = None
        self._is_event_stream = False
        self._whole = False

    async def run(self, app: App) -> None:
        """Lets `app` answer, until it is done or the function's time is up. Never raises what `app` raised."""
        left = self._invocation.deadline_ms / 1000 - time.time()
        hang_up = asyncio.get_running_loop().call_later(max(left - HANG_UP_SECONDS, 0), self._gone.set)
        task = asyncio.ensure_future(app(self._request.scope, self._receive, self._send))
        try:
            await asyncio.wait({task}, timeout=max(left - STOP_SECONDS, 0))
        finally:
            hang_up.cancel()
        await self._close(await _outcome(task))

    async def _receive(self) -> Message:
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._answer is None:
            await self._start(message)
        elif message["type"] == "http.response.body" and self._answer is not None and not self._whole:
            await self._body(self._answer, message)
        else:
            raise AppMisbehavedError(f"{message['type']} out of order")

    async def _start(self, message: Message) -> None:
        headers = list(message.get("headers", ()))
        self._is_event_stream = any(
            name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers
        )
        prelude = http_answer.prelude(message["status"], headers, version=self._request.version)
        self._answer = await Answer.open(self._api, self._invocation.id, self._gone)
        await self._answer.write(prelude)

    async def _body(self, answer: Answer, message: Message) -> None:
        if not self._bodiless:
            await answer.write(message.get("body", b""))
        if not message.get("more_body", False):
            self._whole = True
            # Lambda takes the next event only when it has this answer; what the app does after it may go on.
            await answer.finish()
            self._gone.set()

    async def _close(self, error: BaseException | None) -> None:
        """Ends whatever the app left open."""
        if error is not None:
            log_failure(logger("aws"), "the app failed", error, invocation=self._invocation.id)
        if self._whole:
            return
        reason = error or self._unfinished()
        if self._answer is None:
            await asyncio.to_thread(self._api.invocation_error, self._invocation.id, reason)
        elif self._may_end_early(error):
            await self._answer.finish()
        else:
            await self._answer.fail(reason)

    def _unfinished(self) -> Exception:
        if self._gone.is_set():
            return DeadlineReachedError("the answer was cut short")
        return AppMisbehavedError("the app returned before its answer was whole")

    def _may_end_early(self, error: BaseException | None) -> bool:
        """Only an event stream can end anywhere: its reader comes back and goes on where it stopped. Any other
        body cut short would look whole."""
        ended_on_request = error is None or isinstance(error, DeadlineReachedError)
        return self._is_event_stream and self._gone.is_set() and ended_on_request


async def _outcome(task: asyncio.Future[None]) -> BaseException | None:
    """What the app's task raised, after stopping it if it still runs."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=STOP_SECONDS / 2)
        return DeadlineReachedError("the function's time ran out")
    return asyncio.CancelledError() if task.cancelled() else task.exception()
