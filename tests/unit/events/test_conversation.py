"""The log folded into the model's messages and what is still open."""

from decimal import Decimal
from typing import Any

from chalicelib.events import catalogue
from chalicelib.events.event import Event
from chalicelib.events.projections.conversation import Conversation, call_id

USAGE = {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1}


class Log:
    """Builds records one after another."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: str, data: dict[str, Any] | None = None, event_id: str = "", **more: Any) -> "Log":
        seq = len(self.events) + 1
        self.events.append(Event(seq, seq * 10, kind, data or {}, event_id or f"e-{seq}", "run", **more))
        return self

    def user(self, text: str) -> "Log":
        return self.add("user.message", {"content": blocks(text)})

    def agent(self, text: str) -> "Log":
        return self.add("agent.message", {"content": blocks(text)})

    def called(self, *said: str, error: bool = False, cost: str | None = None, model: str = "m") -> "Log":
        """A whole model call."""
        span = f"s-{len(self.events)}"
        self.add("span.model_request_start", {"model": model}, span)
        for text in said:
            self.agent(text)
        data = {"model_request_start_id": span, "model": model, "model_usage": USAGE, "is_error": error}
        return self.add("span.model_request_end", data, private={"cost": cost})

    def use(self, name: str, event_id: str, kind: str = "agent.tool_use", **data: Any) -> "Log":
        return self.add(kind, {"name": name, "input": {"x": 1}, **data}, event_id)

    def result(self, use: str, text: str, *, is_error: bool = False) -> "Log":
        return self.add("agent.tool_result", {"tool_use_id": use, "content": blocks(text), "is_error": is_error})

    def fold(self) -> Conversation:
        conversation = Conversation()
        for event in self.events:
            conversation.apply(event)
        return conversation


def blocks(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def test_roles_alternate_and_neighbours_of_one_role_join() -> None:
    folded = Log().user("a").user("b").called("x", "y").user("c").fold()
    assert folded.messages == [
        {"role": "user", "content": [*blocks("a"), *blocks("b")]},
        {"role": "assistant", "content": [*blocks("x"), *blocks("y")]},
        {"role": "user", "content": blocks("c")},
    ]
    assert folded.begins == [1, 4, 7]


def test_the_same_log_gives_the_same_messages() -> None:
    log = Log().user("a").called("x").use("t", "u").result("u", "r").called("z")
    assert log.fold().messages == log.fold().messages


def test_folding_does_not_change_the_records() -> None:
    log = Log().user("a").user("b")
    log.fold()
    assert log.events[0].data == {"content": blocks("a")}


def test_a_question_is_open_until_a_model_call_ends_well() -> None:
    log = Log().user("a")
    assert log.fold().answering
    assert log.called(error=True).fold().answering
    assert not log.called("x").fold().answering


def test_a_tool_use_is_pending_until_its_result_and_then_the_model_is_due() -> None:
    log = Log().user("a").use("t", "u-1").use("t", "u-2").called()
    folded = log.fold()
    assert [use.id for use in folded.pending] == ["u-1", "u-2"]
    assert folded.answering
    folded = log.result("u-2", "two").fold()
    assert [use.id for use in folded.pending] == ["u-1"]
    folded = log.result("u-1", "one").fold()
    assert folded.pending == []
    assert folded.answering


def test_a_second_result_of_one_use_is_not_shown_to_the_model() -> None:
    log = Log().user("a").use("t", "u-1").use("t", "u-2").result("u-1", "one").result("u-1", "again")
    results = [block for message in log.fold().messages for block in message["content"] if block["type"] != "text"]
    assert [block["type"] for block in results] == ["tool_use", "tool_use", "tool_result"]


def test_uses_and_results_meet_under_the_id_the_model_knows() -> None:
    folded = Log().user("a").use("t", "u-1").result("u-1", "bad", is_error=True).fold()
    use, result = folded.messages[1]["content"][0], folded.messages[2]["content"][0]
    assert use["id"] == result["tool_use_id"] == call_id("u-1")
    assert result["is_error"] is True


def test_an_intent_marks_the_use_as_begun_until_its_step_ends() -> None:
    started = {"step_id": "s", "kind": "tool", "tool_use_id": "u-1", "started_at": 1}
    log = Log().user("a").use("t", "u-1")
    assert not log.fold().pending[0].begun
    folded = log.add(catalogue.STEP_STARTED, started).fold()
    assert folded.pending[0].begun
    assert list(folded.open_steps) == ["s"]
    assert log.add(catalogue.STEP_FINISHED, {"step_id": "s"}).fold().open_steps == {}


def test_a_decision_is_kept_with_its_use() -> None:
    log = Log().user("a").use("t", "u", evaluated_permission="ask")
    answer = {"tool_use_id": "u", "result": "deny", "deny_message": "no"}
    use = log.add("user.tool_confirmation", answer).fold().pending[0]
    assert (use.permission, use.decision, use.deny_message) == ("ask", "deny", "no")


def test_an_open_model_call_is_known_until_its_end() -> None:
    log = Log().user("a").add("span.model_request_start", {"model": "m"}, "span")
    assert log.fold().open_span == "span"
    ended = {"model_request_start_id": "span", "model": "m", "model_usage": USAGE, "is_error": True}
    assert log.add("span.model_request_end", ended).fold().open_span is None


def test_thinking_goes_back_to_the_model_as_it_came() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    folded = Log().user("a").add("agent.thinking", private={"blocks": [block], "text": "hm"}).agent("x").fold()
    assert folded.messages[1]["content"] == [block, *blocks("x")]


def test_use_is_summed_until_the_totals_are_told() -> None:
    log = Log().user("a").called("x", cost="0.25").called("y", cost="0.5", error=True)
    unbilled = log.fold().unbilled
    assert (unbilled.tokens["input_tokens"], unbilled.cost, unbilled.model_calls) == (20, Decimal("0.75"), 2)
    assert log.add("session.usage").fold().unbilled.model_calls == 0


def test_use_is_summed_apart_by_model_too() -> None:
    log = Log().user("a").called("x", cost="0.25").called("y", cost="0.5").called("z", model="n")
    models = log.fold().unbilled.models
    assert {name: (one.cost, one.model_calls, one.unpriced) for name, one in models.items()} == {
        "m": (Decimal("0.75"), 2, 0),
        "n": (Decimal(0), 1, 1),
    }
    assert log.add("session.usage").fold().unbilled.models == {}


def test_a_judges_model_calls_are_summed_and_a_judge_without_a_model_made_none() -> None:
    judged = {"outcome_id": "o", "result": "satisfied", "explanation": ""}
    log = Log().user("a").called("x", cost="0.25")
    log.add("span.outcome_evaluation_end", judged | {"usage": USAGE}, private={"cost": "0.5"})
    log.add("span.outcome_evaluation_end", judged | {"usage": dict.fromkeys(USAGE, 0)}, private={"cost": None})
    unbilled = log.fold().unbilled
    assert unbilled.cost == unbilled.models["m"].cost == Decimal("0.75")
    assert (unbilled.models["m"].model_calls, unbilled.models["m"].unpriced) == (2, 0)


def test_an_interrupt_and_the_end_of_a_run_leave_nothing_to_answer() -> None:
    assert not Log().user("a").add("user.interrupt").fold().answering
    log = Log().user("a").add(catalogue.STEP_STARTED, {"step_id": "s", "kind": "model"})
    folded = log.add(catalogue.RUN_FINISHED).fold()
    assert (folded.answering, folded.steps) == (False, 0)


def test_a_summary_replaces_what_came_before_it_whether_folded_whole_or_from_there_on() -> None:
    log = Log().user("one").called("eins").user("two").called("zwei")
    kept_from = 5
    log.add("agent.thread_context_compacted", {"summary": "so far"}, private={"kept_from": kept_from}).user("three")
    whole = log.fold()
    fresh = Conversation()
    for event in log.events[kept_from - 1 :]:
        fresh.apply(event)
    assert fresh.messages == whole.messages
    assert fresh.begins == whole.begins
    assert whole.messages[0]["content"] == [*blocks("<summary>\nso far\n</summary>"), *blocks("two")]
    assert "one" not in str(whole.messages)


def test_what_the_model_cannot_read_weighs_nothing_and_pictures_weigh_a_page() -> None:
    light = Log().user("a" * 400).fold().weight
    picture = {"type": "image", "source": {"type": "base64", "data": "A" * 100_000}}
    heavy = Log().add("user.message", {"content": [picture]}).fold().weight
    assert 90 < light < 150
    assert heavy == 1500
