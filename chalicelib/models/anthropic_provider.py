"""Anthropic's Messages API, or a server that speaks it."""

from typing import Any

from chalicelib.models import anthropic_request
from chalicelib.models.anthropic_stream import AnthropicReader
from chalicelib.models.request import ModelRequest
from chalicelib.models.scrub import Scrubber
from chalicelib.models.sdk_provider import HttpClient, Post, SdkProvider
from chalicelib.models.transport import Sdk, TimeLimits, sdk_of, sdk_timeout

DEFAULT_URL = "https://api.anthropic.com"
_PLACEHOLDER_KEY = "no-key"


class AnthropicProvider(SdkProvider):
    """See ``Provider``."""

    name = "anthropic"

    def __init__(
        self,
        *,
        api_key: str | None,
        auth_token: str | None,
        base_url: str | None,
        limits: TimeLimits,
        scrub: Scrubber,
        http: HttpClient | None = None,
    ) -> None:
        """``base_url`` is the address without ``/v1``; with neither key nor token a placeholder key is sent.

        ``http`` makes the HTTP client where the SDK's own may not be used.
        """
        super().__init__(limits, scrub)
        self._http = http
        self._key, self._token = api_key, auth_token
        self._compatible = bool(base_url)
        self._url = (base_url or DEFAULT_URL).rstrip("/").removesuffix("/v1")

    def _post(self, request: ModelRequest) -> Post:
        return Post("/v1/messages", anthropic_request.body(request), anthropic_request.headers(request))

    def _reader(self) -> AnthropicReader:
        return AnthropicReader(self._scrub)

    def _stream_class(self) -> Any:
        import anthropic

        return anthropic.AsyncStream[Any]

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
            http_client=self._http() if self._http else None,
        )
        return sdk_of(anthropic, anthropic.AnthropicError, client)

    def _older_auth(self) -> dict[str, str]:
        """The SDK sends a key as a bearer token; other servers of this API often know only its older header."""
        return {"x-api-key": self._key} if self._compatible and self._key else {}
