from __future__ import annotations

import json
import sys
import types
from typing import Any

import pytest

from chalicelib.aws import queue


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 1234


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What reaches the runs' entry; a body `bad` makes it raise."""
    calls: list[Any] = []

    def ring(body: str, *, receipt: str | None, remaining_ms: Any) -> None:
        calls.append((body, receipt, remaining_ms()))
        if body == "bad":
            raise RuntimeError("no")

    def dead_letter(body: str) -> None:
        calls.append(body)
        if body == "bad":
            raise RuntimeError("no")

    entry = types.ModuleType("chalicelib.runs.entry")
    vars(entry).update(ring=ring, dead_letter=dead_letter, tick=lambda: calls.append("tick"))
    monkeypatch.setitem(sys.modules, "chalicelib.runs.entry", entry)
    monkeypatch.setenv("LAMBENT_STAGE", "aws")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Lambent/test")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "lambent")
    return calls


def batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"id-{at}", "receiptHandle": f"receipt-{at}", "body": body} for at, body in enumerate(bodies)
        ]
    }


def test_a_doorbell_is_rung_with_all_it_needs(rung: list[Any]) -> None:
    assert queue.work(batch("one"), Context()) == {"batchItemFailures": []}
    assert rung == [("one", "receipt-0", 1234)]


def test_a_failure_and_what_follows_it_come_again(rung: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    answer = queue.work(batch("one", "bad", "three"), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "id-1"}, {"itemIdentifier": "id-2"}]}
    assert [call[0] for call in rung] == ["one", "bad"]
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metric["DoorbellFailed"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Lambent/test"
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert metric["service"] == "lambent"


def test_a_run_given_up_is_counted(rung: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert queue.give_up(batch("one"), None) == {"batchItemFailures": []}
    assert rung == ["one"]
    assert json.loads(capsys.readouterr().out)["RunGivenUp"] == [1.0]


def test_a_dead_letter_that_fails_stays(rung: list[Any]) -> None:
    assert queue.give_up(batch("bad"), None) == {"batchItemFailures": [{"itemIdentifier": "id-0"}]}


def test_the_clock_beats_and_its_errors_are_lambdas(rung: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    queue.tick({}, None)
    assert rung == ["tick"]

    def fail() -> None:
        raise RuntimeError("no")

    vars(sys.modules["chalicelib.runs.entry"])["tick"] = fail
    with pytest.raises(RuntimeError):
        queue.tick({}, None)
