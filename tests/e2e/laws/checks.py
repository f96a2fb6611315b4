"""What holds of the log of every session that rests, whatever happened to it."""

from typing import Any

from tests.support.api import Json, assert_whole

USES = frozenset({"agent.tool_use", "agent.custom_tool_use"})
RESULTS = {"agent.tool_result": "tool_use_id", "user.custom_tool_result": "custom_tool_use_id"}
STARTED, RESTED = "session.status_running", "session.status_idle"


def assert_complete(log: list[Json]) -> None:
    """The log is whole, every tool use has one result that follows it, turns alternate and the last has ended."""
    assert_whole(log)
    _assert_every_use_has_one_result(log)
    _assert_turns_alternate(log)


def _assert_every_use_has_one_result(log: list[Json]) -> None:
    open_uses: set[str] = set()
    for event in log:
        if event["type"] in USES:
            open_uses.add(event["id"])
        elif event["type"] in RESULTS:
            use = event[RESULTS[event["type"]]]
            assert use in open_uses, f"a result without an open use: {event}"
            open_uses.remove(use)
    assert not open_uses, f"uses without a result: {open_uses}"


def _assert_turns_alternate(log: list[Json]) -> None:
    """A session starts only from rest and rests only at work, or when an answer or an interrupt ends its waiting."""
    waits, last = False, RESTED
    for event in log:
        if event["type"] == STARTED:
            assert last == RESTED, "a turn begins within a turn"
        elif event["type"] == RESTED:
            assert last == STARTED or waits, "a turn ends twice"
            waits = event["stop_reason"]["type"] == "requires_action"
        if event["type"] in (STARTED, RESTED):
            last = event["type"]
    assert last == RESTED, "the last turn has not ended"


def assert_answered(log: list[Json], *texts: str) -> None:
    """Every message stands once, in this order, and each turn that took one has an answer or an error."""
    said = [text for event in log if event["type"] == "user.message" for text in _texts(event)]
    assert said == list(texts)
    for turn in turns(log):
        if turn[-1].get("stop_reason", {}).get("type") == "requires_action":
            continue
        types = [event["type"] for event in turn]
        if "user.message" in types:
            assert "agent.message" in types or "session.error" in types, f"a message without an answer: {types}"


def turns(log: list[Json]) -> list[list[Json]]:
    """The events up to and with each rest."""
    found: list[list[Json]] = [[]]
    for event in log:
        found[-1].append(event)
        if event["type"] == RESTED:
            found.append([])
    return [turn for turn in found if turn]


def _texts(event: Json) -> list[Any]:
    return [block["text"] for block in event["content"]]


def results(log: list[Json]) -> list[str]:
    """The texts of tool results."""
    return [text for event in log if event["type"] == "agent.tool_result" for text in _texts(event)]
