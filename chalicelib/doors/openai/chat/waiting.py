"""Waiting on behalf of a client that may leave."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect

from chalicelib.http.disconnects import work_until_gone
from chalicelib.http.route import Call

T = TypeVar("T")


async def unless_gone(call: Call, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which is cancelled when the client leaves. Raises ClientDisconnect then."""
    assert call.request is not None
    result: list[T] = []

    async def keep() -> None:
        result.append(await work)

    try:
        cut_off, _ = await work_until_gone(call.request.receive, keep(), _nothing)
    finally:
        work.close()
    if cut_off or not result:
        raise ClientDisconnect
    return result[0]


def _nothing(_: "asyncio.Task[None]") -> None:
    """Nobody else ends this work."""
