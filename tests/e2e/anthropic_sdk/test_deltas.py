"""Partial text: only for connections that ask, always a beginning of the final text, never stored."""

from collections.abc import Callable

import anthropic
import pytest
from anthropic import Anthropic
from anthropic.lib.sessions import accumulate_managed_agents_event

from tests.e2e.anthropic_sdk.helpers import SIMPLE_TURN, Watch, listed, make_session, of, said, say, send, types, until
from tests.fakes.model_server import FakeModel

Watching = Callable[..., Watch]


def test_text_arrives_piece_by_piece_before_the_event_it_announces(
    either: Anthropic, model: FakeModel, watch: Watching
) -> None:
    session = make_session(either)
    asked = watch(either, session.id, event_deltas=["agent.message"])
    plain = watch(either, session.id)
    model.hold(after_tokens=10, match="piecemeal")
    say(either, session.id, "tokens:30 gap:5 piecemeal")
    model.wait_held()
    asked.wait("event_delta")
    model.release()
    events = asked.wait_idle()
    final = of(events, "agent.message")[0]
    start = of(events, "event_start")[0]
    assert (start.event.id, start.event.type) == (final.id, "agent.message")
    assert len(of(events, "event_start")) == 1
    place = events.index(final)
    deltas = of(events, "event_delta")
    assert len(deltas) > 1
    assert all(events.index(start) < events.index(delta) < place for delta in deltas)
    assert {(delta.event_id, delta.delta.index) for delta in deltas} == {(final.id, 0)}
    joined = "".join(delta.delta.content.text for delta in deltas)
    assert joined
    assert said(final).startswith(joined)
    assert types(plain.wait_idle()) == SIMPLE_TURN
    stored = listed(either, session.id)
    assert types(stored) == SIMPLE_TURN
    assert [event.id for event in plain.events] == [event.id for event in stored]


def test_the_clients_own_helper_folds_them(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    with client.beta.sessions.events.stream(session.id, event_deltas=["agent.message"]) as stream:
        say(client, session.id, "tokens:20 gap:20 fold me")
        folded, lengths = None, []
        for event in until(stream):
            folded = accumulate_managed_agents_event(folded, event)
            if folded is not None:
                lengths.append(len(said(folded)))
    assert folded is not None
    assert said(folded) == " ".join(["hi", *["word"] * 19])
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 2


def test_thinking_is_only_announced(client: Anthropic, model: FakeModel, watch: Watching) -> None:
    session = make_session(client)
    stream = watch(client, session.id, event_deltas=["agent.message", "agent.thinking"])
    say(client, session.id, 'think:"deep in thought" gap:10 say:"done now"')
    events = stream.wait_idle()
    starts = {start.event.type: start.event.id for start in of(events, "event_start")}
    thought = of(events, "agent.thinking")[0]
    assert starts == {"agent.thinking": thought.id, "agent.message": of(events, "agent.message")[0].id}
    assert {delta.event_id for delta in of(events, "event_delta")} <= {starts["agent.message"]}
    assert "deep in thought" not in str([event for event in events if event.type != "user.message"])


def test_only_the_asked_kind_is_sent(client: Anthropic, model: FakeModel, watch: Watching) -> None:
    session = make_session(client)
    stream = watch(client, session.id, event_deltas=["agent.thinking"])
    say(client, session.id, 'think:"quietly" gap:10 say:"two words"')
    events = stream.wait_idle()
    assert [start.event.type for start in of(events, "event_start")] == ["agent.thinking"]
    assert of(events, "event_delta") == []


def test_an_interrupted_preview_is_closed_by_the_end_of_its_model_call(
    client: Anthropic, model: FakeModel, watch: Watching
) -> None:
    session = make_session(client)
    stream = watch(client, session.id, event_deltas=["agent.message"])
    model.hold(after_tokens=4, match="never finished")
    say(client, session.id, "tokens:40 never finished")
    stream.wait("event_delta")
    send(client, session.id, {"type": "user.interrupt"})
    events = stream.wait_idle()
    joined = "".join(delta.delta.content.text for delta in of(events, "event_delta"))
    kept = of(events, "agent.message")
    assert all(said(one).startswith(joined) for one in kept)
    assert types(events).index("event_delta") < types(events).index("span.model_request_end")
    assert [event.id for event in listed(client, session.id) if event.type.startswith("event_")] == []


def test_a_stream_opened_in_the_middle_gets_the_whole_at_its_end(
    client: Anthropic, model: FakeModel, watch: Watching
) -> None:
    session = make_session(client)
    model.hold(after_tokens=5, match="join late")
    say(client, session.id, "tokens:20 join late")
    model.wait_held()
    stream = watch(client, session.id, event_deltas=["agent.message"])
    model.release()
    final = of(stream.wait_idle(), "agent.message")[0]
    assert len(said(final).split()) == 20
    joined = "".join(delta.delta.content.text for delta in of(stream.events, "event_delta"))
    assert joined == "" or said(final).startswith(joined)


@pytest.mark.parametrize("values", [["agent.tool_use"], ["agent.message", "nonsense"], ["agent.message"] * 101])
def test_other_values_are_refused(client: Anthropic, values: list[str]) -> None:
    session = make_session(client)
    with pytest.raises(anthropic.BadRequestError, match="event_deltas"):
        client.beta.sessions.events.stream(session.id, event_deltas=values)  # type: ignore[arg-type]
