"""One streamed exchange with a provider: time limits, event decoding, and errors by name.

The SDK builds, signs and sends the request and keeps the connections. The events are decoded here: building a pydantic
object for each of them costs many times what reading it does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from chalicelib.core import jsonio
from chalicelib.core.errors import LambentError
from chalicelib.models import errors, failures
from chalicelib.models.errors import ModelError
from chalicelib.models.failures import Scrub
from chalicelib.models.sse import DataDecoder, EventTooLong

_DRAIN_SECONDS = 0.25
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds: ``total`` for the whole answer, ``idle`` between two pieces of it."""

    total: float
    idle: float


@dataclass(frozen=True, slots=True)
class Sdk:
    """A provider's client and the exceptions it speaks in."""

    client: Any
    caught: tuple[type[Exception], ...]
    status: type[Exception]
    timed_out: tuple[type[Exception], ...]
    unreachable: tuple[type[Exception], ...]


class Exchange:
    """A request under way; an async context manager that closes the connection unless the answer was read whole."""

    def __init__(self, sdk: Sdk, send: Callable[[Any], Awaitable[Any]], limits: TimeLimits, scrub: Scrub) -> None:
        """``send`` makes the SDK's client send the request and returns the SDK's stream, which is read as bytes."""
        self._sdk, self._send, self._limits, self._scrub = sdk, send, limits, scrub
        self._decoder = DataDecoder()
        self._response: Any = None
        self._pieces: AsyncIterator[bytes]
        self._deadline = 0.0

    async def __aenter__(self) -> Self:
        self._deadline = asyncio.get_running_loop().time() + self._limits.total
        try:
            async with asyncio.timeout_at(self._deadline):
                self._response = (await self._send(self._sdk.client)).response
                await self._check()
        except TimeoutError:
            await self.__aexit__()
            raise self._timed_out() from None
        except self._sdk.caught as error:
            raise self._named(error, errors.ModelUnreachable) from None
        self._pieces = self._response.aiter_bytes()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._response is not None:
            await self._response.aclose()

    async def read(self) -> list[bytes]:
        """The next payloads, at least one; an empty list at the end of the stream. Raises ModelError."""
        while True:
            piece = await self._piece()
            if piece is None:
                return self._decoder.end()
            try:
                payloads = self._decoder.feed(piece)
            except EventTooLong as error:
                raise errors.ModelStreamBroken(f"The provider's answer cannot be read: {error}.") from None
            if payloads:
                return payloads

    async def drain(self) -> None:
        """Reads what follows the last payload, so that the connection can be used again."""
        with contextlib.suppress(ModelError, TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self._piece() is not None:
                    continue

    async def _piece(self) -> bytes | None:
        limit = min(asyncio.get_running_loop().time() + self._limits.idle, self._deadline)
        try:
            async with asyncio.timeout_at(limit):
                return await anext(self._pieces, None)
        except TimeoutError:
            raise self._timed_out() from None
        except self._sdk.caught as error:
            raise self._named(error, errors.ModelStreamBroken) from None

    async def _check(self) -> None:
        kind = self._response.headers.get("content-type", "")
        if "json" not in kind and "html" not in kind:
            return
        body = await self._response.aread()
        await self._response.aclose()
        with contextlib.suppress(ValueError):
            parsed = jsonio.loads(body)
            if isinstance(parsed, dict) and "error" in parsed:
                raise failures.from_event(parsed, self._scrub)
        raise errors.ModelRequestRefused("The provider's address does not answer with a stream: check the base URL.")

    def _timed_out(self) -> ModelError:
        if asyncio.get_running_loop().time() >= self._deadline:
            return errors.ModelTimedOut(f"The model did not finish within {self._limits.total:g} seconds.")
        return errors.ModelTimedOut(f"The model was silent for {self._limits.idle:g} seconds.")

    def _named(self, error: Exception, otherwise: type[ModelError]) -> ModelError:
        if isinstance(error, self._sdk.status):
            known: Any = error
            return failures.from_status(known.status_code, known.body, known.response.headers, self._scrub)
        if (refused := _refusal_behind(error)) is not None:
            return _kept_back(refused)
        if isinstance(error, self._sdk.timed_out):
            return errors.ModelTimedOut(f"The provider could not be reached within {_CONNECT_SECONDS:g} seconds.")
        if isinstance(error, self._sdk.unreachable):
            reason = self._scrub(str(error.__cause__ or error))
            return errors.ModelUnreachable(f"The provider could not be reached: {reason}")
        return otherwise(f"The connection to the provider broke: {self._scrub(str(error)) or type(error).__name__}")


def _refusal_behind(error: BaseException | None) -> LambentError | None:
    # The connection pool raises errors anew without their cause, which is then still their context.
    while error is not None and not isinstance(error, LambentError):
        error = error.__cause__ or error.__context__
    return error


def _kept_back(refused: LambentError) -> ModelError:
    """The guard let no connection be made: for good, or because the host was not found."""
    final = refused.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return (errors.ModelRequestRefused if final else errors.ModelUnreachable)(refused.message)


def sdk_timeout(limits: TimeLimits) -> Any:
    """The SDK's own limits: connecting is short; all else is watched by ``Exchange``, which is stricter."""
    import httpx2

    return httpx2.Timeout(limits.total, connect=_CONNECT_SECONDS)


def sdk_of(module: Any, base: type[Exception], client: Any) -> Sdk:
    """The exceptions of a provider's SDK; both are built on the same HTTP client."""
    import httpx2

    return Sdk(
        client=client,
        caught=(base, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL),
        status=module.APIStatusError,
        timed_out=(module.APITimeoutError, httpx2.TimeoutException),
        unreachable=(module.APIConnectionError,),
    )
