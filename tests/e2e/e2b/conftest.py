"""Sandboxes of the running server, through the unmodified SDK."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from e2b import AsyncSandbox, Sandbox

from tests.support.server import Server

Options = dict[str, Any]


@pytest.fixture
def options(server: Server, key: str) -> Options:
    """Where the SDK finds the server, and who asks."""
    return {"api_key": key, "api_url": server.url, "sandbox_url": server.url}


@pytest.fixture
def create(options: Options) -> Iterator[Callable[..., Sandbox]]:
    """Makes sandboxes that end with the test."""
    made: list[Sandbox] = []

    def make(**wanted: Any) -> Sandbox:
        made.append(Sandbox.create(**options | wanted))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.kill()


@pytest.fixture
def sandbox(create: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox of the test alone."""
    return create()


@asynccontextmanager
async def opened(options: Options) -> AsyncIterator[AsyncSandbox]:
    """A sandbox for coroutines, which ends with the block."""
    sandbox = await AsyncSandbox.create(**options)
    try:
        yield sandbox
    finally:
        await sandbox.kill()
