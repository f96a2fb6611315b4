"""Turns: their order, streams beside lists, usage, steering, interrupts, errors of the model."""

import itertools
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import (
    CALL,
    SIMPLE_TURN,
    TURN_HEAD,
    TURN_TAIL,
    Watch,
    http_tool,
    listed,
    make_agent,
    make_session,
    of,
    official,
    rest,
    said,
    say,
    send,
    turn,
    types,
)
from tests.e2e.anthropic_sdk.site import Site
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, message, wait_for
from tests.support.server import Server

Watching = Callable[..., Watch]
INTERRUPT = {"type": "user.interrupt"}


def _known(event: Any) -> dict[str, Any]:
    """The fields the client has types for."""
    return {name: getattr(event, name) for name in type(event).model_fields}


def test_a_stream_opened_before_a_message_shows_its_turn_in_order(either: Anthropic, watch: Watching) -> None:
    session = make_session(either)
    stream = watch(either, session.id)
    sent = say(either, session.id, 'say:"hello to you"')
    assert (sent.type, sent.processed_at) == ("user.message", None)
    events = stream.wait_idle()
    assert types(events) == SIMPLE_TURN
    echo, answer = of(events, "user.message")[0], of(events, "agent.message")[0]
    assert (echo.id, said(echo)) == (sent.id, 'say:"hello to you"')
    assert said(answer) == "hello to you"
    assert all(event.processed_at is not None for event in events)
    assert [event.processed_at for event in events] == sorted(event.processed_at for event in events)
    assert events[-1].stop_reason.type == "end_turn"
    assert events[-3].stop_reason.type == "end_turn"
    start, end = of(events, "span.model_request_start")[0], of(events, "span.model_request_end")[0]
    assert end.model_request_start_id == start.id


def test_a_stream_opened_later_shows_nothing_old_and_the_list_is_what_was_streamed(
    either: Anthropic, watch: Watching
) -> None:
    session = make_session(either)
    early = watch(either, session.id)
    turn(either, session.id, "the first turn")
    late = watch(either, session.id)
    turn(either, session.id, "the second turn")
    early.wait_idle(2)
    late.wait_idle()
    everything = [_known(event) for event in listed(either, session.id)]
    assert [_known(event) for event in early.events] == everything
    assert [_known(event) for event in late.events] == everything[len(SIMPLE_TURN) :]


def test_two_streams_show_the_same_and_the_loss_of_one_leaves_the_other(client: Anthropic, watch: Watching) -> None:
    session = make_session(client)
    one, two = watch(client, session.id), watch(client, session.id)
    turn(client, session.id, "for both")
    one.wait_idle()
    two.wait_idle()
    assert [event.id for event in one.events] == [event.id for event in two.events]
    one.close()
    turn(client, session.id, "for the other")
    two.wait_idle(2)
    assert types(two.events) == SIMPLE_TURN * 2


def test_every_frame_is_named_message_and_numbered(sdk_api: Api, client: Anthropic, site: Site) -> None:
    session = make_session(client, make_agent(client, tools=[http_tool(site.url)]))
    with sdk_api.client.stream("GET", f"/v1/sessions/{session.id}/events/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next(lines)
        say(client, session.id, "tools:1")
        seen = list(itertools.takewhile(lambda line: '"session.status_idle"' not in line, lines))
    assert first.startswith(":")
    names = [line for line in seen if line.startswith("event:")]
    assert len(names) >= len(SIMPLE_TURN)
    assert set(names) == {"event: message"}
    numbers = [int(line.removeprefix("id: ")) for line in seen if line.startswith("id:")]
    assert len(numbers) == len(names)
    assert numbers == sorted(set(numbers))


def test_a_stream_can_be_resumed_after_an_event_it_names(client: Anthropic) -> None:
    session = make_session(client)
    events = turn(client, session.id, "resume me")
    with client.beta.sessions.events.stream(session.id, extra_headers={"Last-Event-ID": events[3].id}) as stream:
        got = list(itertools.islice(stream, len(events) - 4))
    assert [event.id for event in got] == [event.id for event in events[4:]]


def test_a_quiet_stream_stays_open_through_pings_and_then_delivers(busy_server: Server, watch: Watching) -> None:
    with official(busy_server.url, busy_server.tenant()) as client:
        session = make_session(client)
        patience = httpx2.Timeout(10, read=5)
        stream = watch(client, session.id, timeout=patience)
        assert not stream.ended.wait(6)
        say(client, session.id, "after the quiet")
        assert types(stream.wait_idle()) == SIMPLE_TURN
        stream.close()


def test_usage_is_the_sum_of_the_model_calls_wherever_it_is_shown(
    either: Anthropic, model: FakeModel, site: Site
) -> None:
    session = make_session(either, make_agent(either, tools=[http_tool(site.url)]))
    seen = []
    for text in ("tools:2 cached:7 usage one", "tokens:5 usage two"):
        events = turn(either, session.id, text)
        ends = [event.model_usage for event in of(events, "span.model_request_end")]
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
        sums = {name: sum(getattr(end, name) for end in ends) for name in names}
        read = either.beta.sessions.retrieve(session.id)
        row = either.beta.sessions.list().data[0]
        told = of(events, "session.usage")[-1].usage
        shown = [{name: getattr(usage, name) for name in names} for usage in (read.usage, row.usage, told)]
        assert shown == [sums] * 3
        seen.append(sums)
    assert seen[0]["cache_read_input_tokens"] > 0
    assert seen[1]["input_tokens"] > seen[0]["input_tokens"] > 0
    assert seen[1]["output_tokens"] == seen[0]["output_tokens"] + 5


def test_two_messages_of_one_request_keep_their_order(either: Anthropic, model: FakeModel) -> None:
    session = make_session(either)
    sent = send(either, session.id, message("this is one"), message('this is two say:"both"'))
    assert [said(event) for event in sent] == ["this is one", 'this is two say:"both"']
    rest(either, session.id)
    echoes = of(listed(either, session.id), "user.message")
    assert [event.id for event in echoes] == [event.id for event in sent]


@pytest.mark.parametrize("text", [" ", "\n\t\u00a0"])
def test_a_message_that_says_nothing_is_refused(client: Anthropic, text: str) -> None:
    session = make_session(client)
    with pytest.raises(anthropic.BadRequestError, match=r"events\.1\.content"):
        send(client, session.id, message("tokens:1"), message(text))
    with pytest.raises(anthropic.BadRequestError, match="content"):
        make_session(client, initial_events=[message(text)])
    assert listed(client, session.id) == []


def test_one_bad_event_refuses_the_whole_request(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    bad = {"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_unknown", "content": []}
    with pytest.raises(anthropic.BadRequestError, match=r"events\.1"):
        send(client, session.id, message("never heard"), bad)
    assert client.beta.sessions.retrieve(session.id).status == "idle"
    assert listed(client, session.id) == []
    assert model.requests_of("never heard") == []


def test_a_system_message_rides_with_the_message_before_it(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    rule = {"type": "system.message", "content": [{"type": "text", "text": "Answer in verse."}]}
    send(client, session.id, message("tell me of the sea"), rule)
    rest(client, session.id)
    events = listed(client, session.id)
    assert [said(event) for event in of(events, "system.message")] == ["Answer in verse."]
    assert types(events).count("session.status_idle") == 1
    assert "Answer in verse." in str(model.requests[-1]["body"])


class TestAMessageDuringATool:
    """It is taken after the tool's result and before the next model call, in the same turn."""

    def test_it_is_steered_in(self, either: Anthropic, model: FakeModel, site: Site, watch: Watching) -> None:
        session = make_session(either, make_agent(either, tools=[http_tool(site.url)]))
        stream = watch(either, session.id)
        site.shut()
        say(either, session.id, "tools:1 first words")
        site.wait_hits(1)
        steered = say(either, session.id, "second words")
        assert steered.processed_at is None
        waiting = either.beta.sessions.events.list(session.id, order="asc").data[-1]
        assert (waiting.id, waiting.processed_at) == (steered.id, None)
        site.open()
        events = stream.wait_idle()
        call = ["span.model_request_start", "agent.tool_use", "span.model_request_end", "agent.tool_result"]
        assert types(events) == [*TURN_HEAD, "user.message", *call, "user.message", *CALL, *TURN_TAIL]
        second = of(events, "user.message")[1]
        assert (second.id, second.processed_at is not None) == (steered.id, True)
        result = of(events, "agent.tool_result")[0]
        assert result.tool_use_id == of(events, "agent.tool_use")[0].id
        assert result.is_error is not True
        rest(either, session.id)
        assert [event.id for event in listed(either, session.id)] == [event.id for event in events]

    def test_after_the_last_call_it_starts_another(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client)
        model.hold(at="stop", match="the last call")
        say(client, session.id, "the last call")
        model.wait_held()
        say(client, session.id, 'one more say:"heard it"')
        model.release()
        wait_for(lambda: len(of(listed(client, session.id), "agent.message")) == 2, "two answers")
        rest(client, session.id)
        events = listed(client, session.id)
        assert said(of(events, "agent.message")[1]) == "heard it"
        assert all(event.processed_at is not None for event in events)
        assert types(events).count("session.status_running") == types(events).count("session.status_idle")


class TestInterrupt:
    """It ends what is under way; the turn ends as usual and the next message works."""

    @staticmethod
    def _next_message_works(client: Anthropic, session_id: str) -> None:
        events = turn(client, session_id, 'go on say:"fine again"')
        assert said(of(events, "agent.message")[-1]) == "fine again"
        assert events[-1].stop_reason.type == "end_turn"

    def test_during_text(self, either: Anthropic, model: FakeModel, watch: Watching) -> None:
        session = make_session(either)
        stream = watch(either, session.id)
        model.hold(after_tokens=3, match="talk for long")
        say(either, session.id, "talk for long tokens:50")
        model.wait_held()
        sent = send(either, session.id, INTERRUPT)[0]
        events = stream.wait_idle()
        starts = [event.id for event in of(events, "span.model_request_start")]
        assert [event.model_request_start_id for event in of(events, "span.model_request_end")] == starts
        assert [event.id for event in of(events, "user.interrupt")] == [sent.id]
        assert events[-1].stop_reason.type == "end_turn"
        model.release()
        self._next_message_works(either, session.id)

    def test_during_a_tool(self, either: Anthropic, model: FakeModel, site: Site, watch: Watching) -> None:
        session = make_session(either, make_agent(either, tools=[http_tool(site.url)]))
        stream = watch(either, session.id)
        site.shut()
        say(either, session.id, "tools:1 and stop there")
        site.wait_hits(1)
        send(either, session.id, INTERRUPT)
        events = stream.wait_idle()
        assert events[-1].stop_reason.type == "end_turn"
        result = of(events, "agent.tool_result")[0]
        assert (result.tool_use_id, result.is_error) == (of(events, "agent.tool_use")[0].id, True)
        assert len(of(events, "span.model_request_end")) == 1
        site.open()
        self._next_message_works(either, session.id)

    def test_and_a_message_in_one_request(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client)
        model.hold(after_tokens=1, match="wrong direction")
        say(client, session.id, "wrong direction tokens:50")
        model.wait_held()
        send(client, session.id, INTERRUPT, message('rather this say:"this it is"'))
        model.release()
        wait_for(lambda: of(listed(client, session.id), "agent.message")[-1:], "an answer")
        rest(client, session.id)
        events = listed(client, session.id)
        assert said(of(events, "agent.message")[-1]) == "this it is"
        order = types(events)
        assert order.index("user.interrupt") < len(order) - 1 - order[::-1].index("user.message")

    def test_of_an_idle_session_is_stored_and_starts_nothing(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client)
        sent = send(client, session.id, INTERRUPT)[0]
        assert sent.processed_at is not None
        assert client.beta.sessions.retrieve(session.id).status == "idle"
        assert [event.id for event in listed(client, session.id)] == [sent.id]
        self._next_message_works(client, session.id)


class TestOfAFailingModel:
    """A fault that passes is not an error; one that stays is told once and leaves the session usable."""

    def test_a_fault_that_passes(self, client: Anthropic, watch: Watching) -> None:
        session = make_session(client)
        stream = watch(client, session.id)
        say(client, session.id, "error:529x1 passes")
        events = stream.wait_idle()
        assert of(events, "session.error") == []
        assert len(of(events, "session.status_rescheduled")) == 1
        assert types(events).count("session.status_running") == 1
        assert len(of(events, "agent.message")) == 1
        assert events[-1].stop_reason.type == "end_turn"

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(529, "model_overloaded_error"), (429, "model_rate_limited_error"), (400, "model_request_failed_error")],
    )
    def test_a_fault_that_stays(self, client: Anthropic, model: FakeModel, status: int, kind: str) -> None:
        session = make_session(client)
        model.script(*[{"error": {"status": status, "message": "No."}, "match": "it stays"}] * 4)
        events = turn(client, session.id, "it stays")
        model.reset()
        errors = of(events, "session.error")
        assert [event.error.type for event in errors] == [kind]
        assert errors[0].error.retry_status.type in ("exhausted", "terminal")
        starts, ends = of(events, "span.model_request_start"), of(events, "span.model_request_end")
        assert [end.model_request_start_id for end in ends] == [start.id for start in starts]
        assert ends[-1].is_error is True
        assert events[-1].stop_reason.type == "retries_exhausted"
        after = turn(client, session.id, 'better now say:"yes"')
        assert said(of(after, "agent.message")[-1]) == "yes"

    def test_a_refusal_is_a_stop_reason(self, client: Anthropic) -> None:
        events = turn(client, make_session(client).id, "refuse this")
        assert events[-1].stop_reason.type == "refusal"
        assert events[-1].stop_details.to_dict() == {
            "type": "refusal",
            "category": None,
            "explanation": "The fake refuses.",
        }
        assert events[-3].stop_details == events[-1].stop_details


def test_thinking_is_a_mark_without_content(client: Anthropic) -> None:
    events = turn(client, make_session(client).id, 'think:"hm" say:"so it is"')
    kinds = types(events)
    assert kinds.index("span.model_request_start") < kinds.index("agent.thinking") < kinds.index("agent.message")


def test_content_of_several_blocks_reaches_the_model_and_the_log(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    content: list[dict[str, Any]] = [
        {"type": "text", "text": "what is in here"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": pixel}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A note."}, "title": "N"},
    ]
    send(client, session.id, {"type": "user.message", "content": content})
    rest(client, session.id)
    echo = of(listed(client, session.id), "user.message")[0]
    assert [block.type for block in echo.content] == ["text", "image", "document"]
    assert echo.content[1].source.data == pixel
    asked = str(model.requests[-1]["body"]["messages"])
    assert pixel in asked
    assert "A note." in asked
