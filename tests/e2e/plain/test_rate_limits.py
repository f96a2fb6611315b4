"""Requests per minute: told on every answer, refused with the time to wait, counted for a tenant as a whole."""

import time
from collections.abc import Iterator

import pytest

from tests.support.api import Api
from tests.support.server import Server

READS, WRITES = 12, 4


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A server that allows little."""
    env = {"LAMBENT_READS_PER_MINUTE": str(READS), "LAMBENT_WRITES_PER_MINUTE": str(WRITES)}
    with Server(env) as running:
        yield running


@pytest.fixture
def client(strict: Server) -> Iterator[Api]:
    """A tenant of this test, early in a minute, so that the minute does not turn while it counts."""
    left = 60 - time.time() % 60
    if left < 5:
        time.sleep(left + 0.1)
    made = Api(strict.url, strict.tenant())
    yield made
    made.close()


def test_what_is_left_falls_to_nothing_and_then_requests_are_refused(client: Api) -> None:
    answers = [client.call("GET", "/v1/agents") for _ in range(READS + 2)]
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert [answer.status_code for answer in answers] == [200] * READS + [429] * 2
    assert left == [*range(READS - 1, -1, -1), 0, 0]
    refused = answers[-1]
    assert refused.json()["error"]["type"] == "rate_limited"
    assert refused.headers["x-ratelimit-limit"] == str(READS)
    reset = int(refused.headers["x-ratelimit-reset"])
    assert 0 < reset - time.time() <= 60
    assert 0 < int(refused.headers["retry-after"]) <= 60
    wait_ms = int(refused.headers["retry-after-ms"])
    assert 0 < wait_ms <= 60_000
    assert int(refused.headers["retry-after"]) == -(-wait_ms // 1000)
    assert abs(time.time() + wait_ms / 1000 - reset) < 2


def test_an_sdk_reads_its_own_name_of_the_refusal(client: Api) -> None:
    for _ in range(READS):
        client.call("GET", "/v1/agents")
    refused = client.call("GET", "/v1/agents", headers={"anthropic-version": "2023-06-01"})
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert refused.headers["x-ratelimit-remaining"] == "0"


def test_reading_and_writing_are_counted_apart(client: Api) -> None:
    made = [client.call("POST", "/v1/environments", {"name": f"E{n}"}).status_code for n in range(WRITES + 1)]
    assert made == [201] * WRITES + [429]
    assert client.call("GET", "/v1/environments").status_code == 200
    assert len(client.get("/v1/environments")["data"]) == WRITES


def test_all_keys_of_a_tenant_share_its_limit_and_no_other_tenant_does(strict: Server, client: Api) -> None:
    second = Api(strict.url, client.post("/v1/api_keys", name="second")["key"])
    for number in range(READS):
        assert (client if number % 2 else second).call("GET", "/v1/agents").status_code == 200
    assert client.call("GET", "/v1/agents").status_code == second.call("GET", "/v1/agents").status_code == 429
    other = Api(strict.url, strict.tenant())
    assert other.call("GET", "/v1/agents").status_code == 200
    second.close()
    other.close()


def test_a_refused_request_does_nothing(client: Api) -> None:
    for number in range(WRITES):
        client.call("POST", "/v1/environments", {"name": f"E{number}"})
    assert client.call("POST", "/v1/agents", {"name": "A", "model": "m"}).status_code == 429
    assert client.get("/v1/agents")["data"] == []


def test_failed_requests_count_and_unknown_routes_do_not(client: Api) -> None:
    assert client.call("GET", "/v1/nowhere").status_code == 404
    first = client.call("GET", "/v1/agents/agent_unknown")
    assert int(first.headers["x-ratelimit-remaining"]) == READS - 1
    second = client.call("GET", "/v1/agents")
    assert int(second.headers["x-ratelimit-remaining"]) == READS - 2
