"""Anthropic's Messages API, or a server that speaks it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from chalicelib.core import jsonio
from chalicelib.models import anthropic_request
from chalicelib.models.anthropic_stream import AnthropicReader
from chalicelib.models.chunks import Chunk
from chalicelib.models.reading import read
from chalicelib.models.request import ModelRequest
from chalicelib.models.scrub import Scrubber
from chalicelib.models.transport import Exchange, Sdk, TimeLimits, sdk_of, sdk_timeout

DEFAULT_URL = "https://api.anthropic.com"
_PLACEHOLDER_KEY = "no-key"


class AnthropicProvider:
    """See ``Provider``. The SDK is imported at the first call or ``warm_up``, off the event loop."""

    name = "anthropic"

    def __init__(
        self,
        *,
        api_key: str | None,
        auth_token: str | None,
        base_url: str | None,
        limits: TimeLimits,
        scrub: Scrubber,
    ) -> None:
        """``base_url`` is the address without ``/v1``; with neither key nor token a placeholder key is sent."""
        self._key, self._token = api_key, auth_token
        self._compatible = bool(base_url)
        self._url = (base_url or DEFAULT_URL).rstrip("/").removesuffix("/v1")
        self._limits, self._scrub = limits, scrub
        self._sdk: Sdk | None = None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        body = jsonio.dump_bytes(anthropic_request.body(request))
        headers = {"content-type": "application/json", **anthropic_request.headers(request)}
        reader = AnthropicReader(self._scrub)

        async def send(client: Any) -> Any:
            return await client.post(
                "/v1/messages",
                content=body,
                options={"headers": headers, "timeout": client.timeout},
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
        import anthropic

        key = self._key or (None if self._token else _PLACEHOLDER_KEY)
        client = anthropic.AsyncAnthropic(
            api_key=key,
            auth_token=None if key else self._token,
            base_url=self._url,
            default_headers=self._older_auth(),
            max_retries=0,
            timeout=sdk_timeout(self._limits),
        )
        return sdk_of(anthropic, anthropic.AnthropicError, client)

    def _older_auth(self) -> dict[str, str]:
        """The SDK sends a key as a bearer token; other servers of this API often know only its older header."""
        return {"x-api-key": self._key} if self._compatible and self._key else {}


def _stream_class() -> Any:
    import anthropic

    return anthropic.AsyncStream[Any]
