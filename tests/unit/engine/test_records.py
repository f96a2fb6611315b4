"""Intents and outcomes of steps."""

import pytest

from chalicelib.engine.job import Spoken
from chalicelib.engine.records import ABORTED, model_ended, model_started, tool_started


def test_the_end_of_a_model_call_names_its_beginning() -> None:
    started, call = model_started("run", "model", "Agent", 3)
    ended = model_ended("model", "run", call, Spoken(usage={"input_tokens": 1}))
    assert [draft.type for draft in started] == ["step.started", "span.model_request_start"]
    assert [draft.type for draft in ended] == ["span.model_request_end", "step.finished"]
    assert ended[0].data["model_request_start_id"] == started[1].id
    assert ended[1].data["step_id"] == started[0].data["step_id"]


@pytest.mark.parametrize(
    ("error", "is_error", "status"), [(None, False, "completed"), (ABORTED, True, "cancelled"), ("no", True, "failed")]
)
def test_how_a_model_call_ended_is_told(error: str | None, is_error: bool, status: str) -> None:
    _, call = model_started("run", "model", "Agent", 1)
    span, step = model_ended("model", "run", call, Spoken(), error=error)
    assert span.data["is_error"] is is_error
    assert span.data.get("error_message") == error
    assert step.data["status"] == status


def test_a_long_error_is_cut() -> None:
    _, call = model_started("run", "model", "Agent", 1)
    assert len(model_ended("model", "run", call, Spoken(), error="x" * 5_000)[0].data["error_message"]) == 500


def test_an_intent_names_the_tool_use() -> None:
    draft, step = tool_started("run", "use-1", "tool", "Agent", 2)
    assert draft.type == "step.started"
    assert (draft.data["tool_use_id"], draft.data["step_id"]) == ("use-1", step)
