"""OpenAI's chat completions, or a server that speaks them."""

from typing import Any
from urllib.parse import urlsplit

from chalicelib.models import openai_request
from chalicelib.models.openai_stream import OpenAIReader
from chalicelib.models.request import ModelRequest
from chalicelib.models.scrub import Scrubber
from chalicelib.models.sdk_provider import HttpClient, Post, SdkProvider
from chalicelib.models.transport import Sdk, TimeLimits, sdk_of, sdk_timeout

DEFAULT_URL = "https://api.openai.com/v1"
_OFFICIAL_HOSTS = ("openai.com", "openai.azure.com")
_PLACEHOLDER_KEY = "no-key"


class OpenAIProvider(SdkProvider):
    """See ``Provider``."""

    name = "openai"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        limits: TimeLimits,
        scrub: Scrubber,
        http: HttpClient | None = None,
    ) -> None:
        """``base_url`` is the address with ``/v1``, as the SDK takes it; without a key a placeholder is sent.

        ``http`` makes the HTTP client where the SDK's own may not be used.
        """
        super().__init__(limits, scrub)
        self._http = http
        self._key = api_key or _PLACEHOLDER_KEY
        self._url = base_url or DEFAULT_URL
        host = urlsplit(self._url).hostname or ""
        self._official = any(host == known or host.endswith("." + known) for known in _OFFICIAL_HOSTS)

    def _post(self, request: ModelRequest) -> Post:
        return Post("/chat/completions", openai_request.body(request, official=self._official))

    def _reader(self) -> OpenAIReader:
        return OpenAIReader(self._scrub)

    def _stream_class(self) -> Any:
        import openai

        return openai.AsyncStream[Any]

    def _connect(self) -> Sdk:
        import openai

        client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._url,
            max_retries=0,
            timeout=sdk_timeout(self._limits),
            http_client=self._http() if self._http else None,
        )
        return sdk_of(openai, openai.OpenAIError, client)
