"""How many AWS calls the ways of a session take: what a deployment pays for, so growth must be meant."""

from typing import Any

import boto3
import pytest

from chalicelib.events.event import Draft
from chalicelib.events.log import Tail
from chalicelib.wiring import Services
from tests.performance.calls import Bench
from tests.performance.metering import Meter
from tests.support.clock import Clock


@pytest.fixture
def bench(services: Services) -> Bench:
    """The whole application in this process, metered; its caller is known already."""
    meter = Meter(services.settings.table, boto3.client("dynamodb", region_name="us-east-1"))
    meter.watch(services.table._client, services.doorbells.client)
    _, minted = services.tenants.create("Acme")
    made = Bench(services, services, Clock(), meter, minted.secret)
    made.environment = made.ask("POST", "/v1/environments", {"name": "e", "config": {"type": "cloud"}})["id"]
    made.agents["plain"] = made.ask("POST", "/v1/agents", {"name": "a", "model": "claude-test", "tools": []})["id"]
    return made


def calls(bench: Bench, method: str, path: str, body: Any = None) -> int:
    bench.measured("it", method, path, body)
    return int(bench.bills["it"]["calls"])


def test_creating_a_session_takes_two_calls(bench: Bench) -> None:
    assert calls(bench, "POST", "/v1/sessions", bench.wanted("plain")) == 2


def test_creating_a_session_of_a_pinned_version_takes_two_calls(bench: Bench) -> None:
    agent = {"type": "agent", "id": bench.agents["plain"], "version": 1}
    assert calls(bench, "POST", "/v1/sessions", bench.wanted("plain") | {"agent": agent}) == 2


def test_reading_a_session_takes_one_call(bench: Bench) -> None:
    assert calls(bench, "GET", f"/v1/sessions/{bench.session()}") == 1


def test_a_walk_through_a_short_log_takes_one_call(bench: Bench) -> None:
    ref = bench.ref(bench.session())
    tail = Tail()
    for number in range(3):
        bench.services.log.append(ref, tail, [Draft("note", {"n": number}), Draft("note", {"n": number})])
    with bench.meter.measuring() as bill:
        assert [event.seq for event in bench.services.log.walk(ref)] == [1, 2, 3, 4, 5, 6]
    assert dict(bill.calls) == {"dynamodb.Query": 1}


def test_a_walk_from_within_a_segment_begins_right_after_the_number(bench: Bench) -> None:
    ref = bench.ref(bench.session())
    tail = Tail()
    for _ in range(120):
        bench.services.log.append(ref, tail, [Draft("note"), Draft("note")])
    assert [event.seq for event in bench.services.log.walk(ref, 3)] == list(range(4, 241))
    assert [event.seq for event in bench.services.log.walk(ref, 239)] == [240]
    assert list(bench.services.log.walk(ref, 240)) == []
