"""OpenAI's chat completions, or a server that speaks them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

from chalicelib.core import jsonio
from chalicelib.models import openai_request
from chalicelib.models.chunks import Chunk
from chalicelib.models.openai_stream import OpenAIReader
from chalicelib.models.reading import read
from chalicelib.models.request import ModelRequest
from chalicelib.models.scrub import Scrubber
from chalicelib.models.transport import Exchange, Sdk, TimeLimits, sdk_of, sdk_timeout

DEFAULT_URL = "https://api.openai.com/v1"
_OFFICIAL_HOSTS = ("openai.com", "openai.azure.com")
_PLACEHOLDER_KEY = "no-key"


class OpenAIProvider:
    """See ``Provider``. The SDK is imported at the first call or ``warm_up``, off the event loop."""

    name = "openai"

    def __init__(self, *, api_key: str | None, base_url: str | None, limits: TimeLimits, scrub: Scrubber) -> None:
        """``base_url`` is the address with ``/v1``, as the SDK takes it; without a key a placeholder is sent."""
        self._key = api_key or _PLACEHOLDER_KEY
        self._url = base_url or DEFAULT_URL
        host = urlsplit(self._url).hostname or ""
        self._official = any(host == known or host.endswith("." + known) for known in _OFFICIAL_HOSTS)
        self._limits, self._scrub = limits, scrub
        self._sdk: Sdk | None = None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        body = jsonio.dump_bytes(openai_request.body(request, official=self._official))
        reader = OpenAIReader(self._scrub)

        async def send(client: Any) -> Any:
            return await client.post(
                "/chat/completions",
                content=body,
                options={"headers": {"content-type": "application/json"}, "timeout": client.timeout},
                cast_to=object,
                stream=True,
                stream_cls=_stream_class(),
            )

        async with Exchange(await self._ready(), send, self._limits, self._scrub) as exchange:
            while not reader.finished:
                for chunk in read(reader, await exchange.read()):
                    yield chunk
            await exchange.drain()

    async def warm_up(self) -> None:
        await self._ready()

    async def aclose(self) -> None:
        if self._sdk is not None:
            sdk, self._sdk = self._sdk, None
            await sdk.client.close()

    async def _ready(self) -> Sdk:
        if self._sdk is None:
            await asyncio.to_thread(_stream_class)
        if self._sdk is None:
            self._sdk = self._connect()
        return self._sdk

    def _connect(self) -> Sdk:
        import openai

        client = openai.AsyncOpenAI(
            api_key=self._key, base_url=self._url, max_retries=0, timeout=sdk_timeout(self._limits)
        )
        return sdk_of(openai, openai.OpenAIError, client)


def _stream_class() -> Any:
    import openai

    return openai.AsyncStream[Any]
