"""An effect has its intent in the log before it and its result after it, also when the worker dies in between."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.events.event import Event
from chalicelib.wiring import Services
from tests.functional.runs.conftest import Rig, said
from tests.support.endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


def rig_with(rig: Rig, *tools: dict[str, Any]) -> Rig:
    """A new session with these tools."""
    return Rig(rig.services, rig.model, rig.make, list(tools))


def places(log: list[Event]) -> tuple[int, int, int]:
    """Where the use, its intent and its result stand."""
    [use] = [event for event in log if event.type == "agent.tool_use"]
    [intent] = [e.seq for e in log if e.type == "step.started" and e.data.get("tool_use_id") == use.id]
    [result] = [e.seq for e in log if e.type == "agent.tool_result"]
    return use.seq, intent, result


def test_the_intent_is_in_the_log_before_the_tool_is_called(rig: Rig, endpoint: Endpoint) -> None:
    rig = rig_with(rig, endpoint.tool())
    endpoint.hold("/ping")
    rig.send(said("tool:ping"))
    worker = threading.Thread(target=rig.ring)
    worker.start()
    endpoint.wait_called("/ping")
    seen = rig.log
    endpoint.let_go("/ping")
    worker.join(20)
    [use] = [event for event in seen if event.type == "agent.tool_use"]
    assert use.id in [e.data.get("tool_use_id") for e in seen if e.type == "step.started"]
    assert "agent.tool_result" not in [event.type for event in seen]
    first, intent, result = places(rig.log)
    assert first < intent < result
    rig.assert_whole()


@pytest.mark.parametrize(("idempotent", "calls", "text"), [(True, 2, "pong"), (False, 1, "unknown")])
def test_a_tool_is_called_again_by_another_worker_only_if_it_may_be(
    rig: Rig, endpoint: Endpoint, idempotent: bool, calls: int, text: str
) -> None:
    rig = rig_with(rig, endpoint.tool(idempotent=idempotent))
    endpoint.hold("/ping")
    rig.send(said("tool:ping"))
    dying = threading.Thread(target=rig.ring)
    dying.start()
    endpoint.wait_called("/ping")
    _run_out(rig)
    fresh = threading.Thread(target=rig.ring, args=(rig.another(),))
    fresh.start()
    if idempotent:
        endpoint.wait_called_again("/ping", 2)
    else:
        fresh.join(20)
    endpoint.let_go("/ping")
    fresh.join(20)
    dying.join(20)
    rig.assert_whole()
    [result] = [event for event in rig.log if event.type == "agent.tool_result"]
    assert text in result.data["content"][0]["text"]
    assert endpoint.count("/ping") == calls
    assert rig.head.stop_reason == {"type": "end_turn"}


def _run_out(rig: Rig) -> None:
    """Let the lease of the present worker end now."""
    services: Services = rig.services
    services.session_store.table.write(services.session_store.lease_write(rig.ref, rig.head.fence, 1, 1))


def test_a_worker_that_lost_the_run_leaves_no_result(rig: Rig, endpoint: Endpoint) -> None:
    rig = rig_with(rig, endpoint.tool())
    endpoint.hold("/ping")
    rig.send(said("tool:ping parallel:2"))
    dying = threading.Thread(target=rig.ring)
    dying.start()
    endpoint.wait_called_again("/ping", 2)
    _run_out(rig)
    rig.ring(rig.another())
    before = rig.types()
    endpoint.let_go("/ping")
    dying.join(20)
    assert rig.types() == before
    assert rig.count("agent.tool_result") == 2
    rig.assert_whole()
