"""The providers as workers use them: real SDKs, real HTTP, a scripted server at the other end."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.models.anthropic_provider import AnthropicProvider
from chalicelib.models.chunks import Chunk
from chalicelib.models.openai_provider import OpenAIProvider
from chalicelib.models.provider import Provider
from chalicelib.models.request import ModelRequest
from chalicelib.models.runner import ModelStream, Runner, StreamEnded
from chalicelib.models.scrub import Scrubber
from chalicelib.models.transport import TimeLimits
from tests.fakes.model_server import FakeModel

SECRET = "the-provider-secret"
MODELS = {"anthropic": "claude-opus-5", "openai": "gpt-4.1"}


@pytest.fixture(scope="session")
def server() -> Iterator[FakeModel]:
    with FakeModel() as fake:
        yield fake


@pytest.fixture
def fake(server: FakeModel) -> FakeModel:
    server.reset()
    return server


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


@pytest.fixture
def make(runner: Runner, fake: FakeModel) -> Iterator[Callable[..., Provider]]:
    """Makes a provider by name, with other time limits or another address if wanted, and closes it afterwards."""
    made: list[Provider] = []

    def build(name: str, *, url: str | None = None, total: float = 30, idle: float = 10) -> Provider:
        limits, scrub = TimeLimits(total, idle), Scrubber([SECRET])
        if name == "anthropic":
            provider: Provider = AnthropicProvider(
                api_key=SECRET, auth_token=None, base_url=url or fake.url, limits=limits, scrub=scrub
            )
        else:
            provider = OpenAIProvider(api_key=SECRET, base_url=url or fake.openai_url, limits=limits, scrub=scrub)
        made.append(provider)
        return provider

    yield build
    for provider in made:
        asyncio.run_coroutine_threadsafe(provider.aclose(), runner.loop()).result(5)


@pytest.fixture(params=["anthropic", "openai"])
def provider(request: pytest.FixtureRequest, make: Callable[..., Provider]) -> Provider:
    """Each of the two HTTP providers in turn."""
    return make(request.param)


@pytest.fixture
def open_stream(runner: Runner) -> Callable[..., ModelStream]:
    """Opens a stream for a text, or for whole messages."""

    def opened(provider: Provider, said: Any, **more: Any) -> ModelStream:
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
        model = MODELS.get(provider.name, "smollm2-135m")
        return runner.open_stream(provider, ModelRequest(model, more.pop("system", None), messages, **more))

    return opened


@pytest.fixture
def ask(open_stream: Callable[..., ModelStream]) -> Callable[..., list[Chunk]]:
    """All chunks of an answer."""

    def asked(provider: Provider, said: Any, **more: Any) -> list[Chunk]:
        return drained(open_stream(provider, said, **more))

    return asked


def drained(stream: ModelStream) -> list[Chunk]:
    found: list[Chunk] = []
    while True:
        try:
            found += stream.next_batch(20)
        except StreamEnded:
            return found


@pytest.fixture
def drain() -> Callable[[ModelStream], list[Chunk]]:
    return drained
