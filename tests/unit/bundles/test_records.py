"""Records as a bundle holds them: every type there is can be told, and is read back as it was."""

from dataclasses import asdict
from typing import Any

import pytest

from chalicelib.bundles.forms import DATA
from chalicelib.bundles.private_forms import NEEDED, PRIVATE
from chalicelib.bundles.records import KNOWN, BadRecord, restored
from chalicelib.core.ids import new_id
from chalicelib.events import catalogue, drafts
from chalicelib.events.event import Draft, Event, number


def record(**fields: Any) -> dict[str, Any]:
    """A record in its form, with some fields changed."""
    usual = asdict(Event(1, 1, "session.status_running", {}, new_id(), run=new_id()))
    return usual | fields


def test_every_form_is_one_of_a_type_that_there_is() -> None:
    assert set(DATA) <= KNOWN
    assert set(PRIVATE) <= KNOWN
    assert set(PRIVATE) >= NEEDED
    assert catalogue.INPUT_TYPES <= KNOWN


@pytest.mark.parametrize(
    "draft",
    [
        *drafts.running(new_id(), "Agent"),
        *drafts.idle(new_id(), "Agent", drafts.END_TURN, {"input_tokens": 1}),
        drafts.run_queued(new_id(), "Agent", None),
        drafts.run_finished(new_id(), "completed", usage={"input_tokens": 1}, cost="0.1"),
        drafts.permission_asked(new_id(), "bash", new_id()),
        drafts.permission_answered(new_id(), "allow", new_id(), None),
        drafts.tool_result("agent.tool_use", new_id(), drafts.text_blocks("x"), is_error=False, run=new_id()),
        drafts.tool_result(drafts.MCP_USE, new_id(), [], is_error=True, run=new_id()),
        drafts.step_finished(new_id(), new_id(), "tool", "completed", 1, tool_use_id=new_id()),
        drafts.session_error("x", "y", retry="terminal", run=None),
        drafts.warning("x", "y", run=None),
    ],
    ids=lambda draft: draft.type,
)
def test_what_the_builders_write_is_read_back_as_it_was(draft: Draft) -> None:
    (event,) = number([draft], 1, 1)
    assert restored(asdict(event)) == event


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"type": "user.shout"}, "there is no type"),
        ({"id": "x"}, "id"),
        ({"run": "x#y"}, "run"),
        ({"seq": True}, "seq"),
        ({"at": -1}, "at"),
        ({"more": 1}, "more"),
        ({"data": []}, "data"),
        ({"data": {"type": "user.message"}}, "data"),
        ({"private": {"x": 1}}, r"private\.x"),
    ],
)
def test_what_nobody_writes_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecord, match=told):
        restored(record(**fields))
