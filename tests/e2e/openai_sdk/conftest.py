"""The official client of one tenant, on the base address that serves all of this family."""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.e2e.openai_sdk.helpers import official
from tests.support.api import Api, Json
from tests.support.server import Server


@pytest.fixture
def client(server: Server, key: str) -> Iterator[OpenAI]:
    """The official client as it is, refusing every answer that does not fit its types."""
    with official(f"{server.url}/openai/v1", key) as made:
        yield made


@pytest.fixture
def plain_base(server: Server, key: str) -> Iterator[OpenAI]:
    """The same on the address that other families share."""
    with official(f"{server.url}/v1", key) as made:
        yield made


@pytest.fixture
def stranger(server: Server) -> Iterator[Api]:
    """A plain client of another tenant."""
    client = Api(server.url, server.tenant("Stranger"))
    yield client
    client.close()


@pytest.fixture
def weather_agent(api: Api) -> Json:
    """An agent with one tool that its client answers."""
    tool: dict[str, Any] = {
        "type": "custom",
        "name": "get_weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    return api.agent(tools=[tool])
