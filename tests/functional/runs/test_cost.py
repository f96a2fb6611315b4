"""What a turn costs does not grow with the conversation: calls to AWS, rows read, bytes read."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.wiring import Services
from tests.functional.runs.conftest import Rig, said
from tests.support.clock import Clock

_KEPT = ("Items", "Item", "Responses")


@dataclass
class Meter:
    """Counts what the clients of a process ask AWS for."""

    calls: list[str] = field(default_factory=list)
    bytes_read: int = 0

    def attach(self, services: Services) -> "Meter":
        """Begin to count."""
        for client in (services.table._client, services.doorbells.client):
            client.meta.events.register("after-call", self._took)
        return self

    def _took(self, model: Any, parsed: dict[str, Any], **_more: Any) -> None:
        self.calls.append(model.name)
        self.bytes_read += sum(len(str(parsed[name])) for name in _KEPT if name in parsed)

    def turn(self, rig: Rig, text: str, by: Services | None = None) -> tuple[list[str], int]:
        """The calls of one turn, from its message to its end, and the bytes read."""
        self.calls, self.bytes_read = [], 0
        rig.send(said(text))
        rig.ring(by)
        assert rig.head.stop_reason == {"type": "end_turn"}
        return sorted(self.calls), self.bytes_read


@pytest.fixture
def meter(rig: Rig) -> Meter:
    """A process looks every few seconds whether a tenant has cards, limits or endpoints now; here once."""
    Clock(rig.services)
    return Meter().attach(rig.services)


def test_the_sixtieth_turn_costs_what_the_second_did(rig: Rig, meter: Meter) -> None:
    costs = [meter.turn(rig, f"tokens:5 turn {number:03d}") for number in range(60)]
    calls, read = zip(*costs, strict=True)
    assert calls[59] == calls[1]
    assert len({tuple(one) for one in calls[1:]}) == 1
    assert read[59] < read[1] * 1.2


def test_a_turn_of_one_model_call_takes_few_calls(rig: Rig, meter: Meter) -> None:
    meter.turn(rig, "tokens:5")
    calls, _ = meter.turn(rig, "tokens:5")
    looked = 1  # the rig itself reads the head once to see how the turn ended
    assert len(calls) - looked <= 8, calls


def test_a_process_that_knows_nothing_reads_a_long_log_in_few_calls(rig: Rig) -> None:
    warm = Meter().attach(rig.services)
    for number in range(60):
        warm.turn(rig, f"tokens:5 turn {number:03d}")
    fresh = rig.another()
    cold = Meter().attach(fresh)
    rig.send(said("tokens:5"))
    rig.ring(fresh)
    assert len(cold.calls) <= len(warm.calls) + 4
