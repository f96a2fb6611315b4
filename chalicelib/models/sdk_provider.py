"""A provider reached through its vendor's SDK: what is the same for all of them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core import jsonio
from chalicelib.models.chunks import Chunk
from chalicelib.models.reading import Reader, read
from chalicelib.models.request import ModelRequest
from chalicelib.models.scrub import Scrubber
from chalicelib.models.transport import Exchange, Sdk, TimeLimits

HttpClient = Callable[[], Any]
"""Makes the HTTP client of an SDK; asked on the event loop, at the first use."""


@dataclass(frozen=True, slots=True)
class Post:
    """The one HTTP request of a model call. The body is made here: the SDKs' own way costs with its length."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class SdkProvider(ABC):
    """See ``Provider``. The SDK is imported at the first call or ``warm_up``, off the event loop."""

    def __init__(self, limits: TimeLimits, scrub: Scrubber) -> None:
        self._limits, self._scrub = limits, scrub
        self._sdk: Sdk | None = None

    @abstractmethod
    def _post(self, request: ModelRequest) -> Post:
        """The request in the vendor's shape. Raises ModelError for what the wire cannot carry."""

    @abstractmethod
    def _reader(self) -> Reader:
        """A reader of the vendor's events."""

    @abstractmethod
    def _stream_class(self) -> Any:
        """The SDK's class for streams; asking for it imports the SDK."""

    @abstractmethod
    def _connect(self) -> Sdk:
        """The SDK's client."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """See ``Provider.stream``."""
        post, reader = self._post(request), self._reader()
        body = jsonio.dump_bytes(post.body)

        async def send(client: Any) -> Any:
            return await client.post(
                post.path,
                content=body,
                options={"headers": {"content-type": "application/json", **post.headers}, "timeout": client.timeout},
                cast_to=object,
                stream=True,
                stream_cls=self._stream_class(),
            )

        async with Exchange(await self._ready(), send, self._limits, self._scrub) as exchange:
            while not reader.finished:
                for chunk in read(reader, await exchange.read()):
                    yield chunk
            await exchange.drain()

    async def warm_up(self) -> None:
        """See ``Provider.warm_up``."""
        await self._ready()

    async def aclose(self) -> None:
        """See ``Provider.aclose``."""
        if self._sdk is not None:
            sdk, self._sdk = self._sdk, None
            await sdk.client.close()

    async def _ready(self) -> Sdk:
        if self._sdk is None:
            await asyncio.to_thread(self._stream_class)
        if self._sdk is None:
            self._sdk = self._connect()
        return self._sdk
