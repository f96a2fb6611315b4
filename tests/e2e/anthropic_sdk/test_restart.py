"""A server that is killed and started again: nothing accepted is lost, nothing is told twice, waits go on."""

from collections.abc import Callable
from typing import Any

from tests.e2e.anthropic_sdk.helpers import (
    Watch,
    asking_toolset,
    confirm,
    custom_result,
    custom_tool,
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
from tests.support.server import Server

Watching = Callable[..., Watch]


def _ids(events: list[Any]) -> list[str]:
    return [event.id for event in events]


def test_a_turn_cut_off_by_a_kill_is_brought_to_its_end(
    lasting_server: Server, model: FakeModel, watch: Watching
) -> None:
    key = lasting_server.tenant()
    with official(lasting_server.url, key) as client:
        session = make_session(client)
        turn(client, session.id, "a finished turn")
        stream = watch(client, session.id)
        model.hold(after_tokens=2, match="cut me off")
        say(client, session.id, 'cut me off say:"three words here"')
        model.wait_held()
        queued = say(client, session.id, "and this was waiting")
        before = listed(client, session.id)
        lasting_server.kill()
        assert stream.ended.wait(10)
    model.reset()
    lasting_server.start()
    with official(lasting_server.url, key) as client:
        after = rest(client, session.id, 40)
        events = listed(client, session.id)
    assert after.status == "idle"
    assert len(set(_ids(events))) == len(events)
    stored = _ids([event for event in before if event.processed_at is not None])
    assert _ids(events)[: len(stored)] == stored
    assert set(_ids(stream.events)) <= set(_ids(events))
    assert queued.id in _ids(of(events, "user.message"))
    starts, ends = of(events, "span.model_request_start"), of(events, "span.model_request_end")
    assert sorted(end.model_request_start_id for end in ends) == sorted(_ids(starts))
    assert events[-1].type == "session.status_idle"
    assert [one.input_tokens for one in (after.usage, of(events, "session.usage")[-1].usage)] == [
        sum(end.model_usage.input_tokens for end in ends)
    ] * 2


def test_calls_that_wait_can_be_answered_after_a_restart(lasting_server: Server, model: FakeModel, site: Site) -> None:
    key = lasting_server.tenant()
    with official(lasting_server.url, key) as client:
        session = make_session(client, make_agent(client, tools=[asking_toolset(), custom_tool()]))
        calls = [
            {"type": "tool_use", "name": "web_fetch", "input": {"url": f"{site.url}/later"}},
            {"type": "tool_use", "name": "lookup", "input": {"q": "x"}},
        ]
        model.script({"blocks": calls, "match": "wait over night"})
        events = turn(client, session.id, f'wait over night {site.url}/later say:"good morning"')
        ask, own = of(events, "agent.tool_use")[0], of(events, "agent.custom_tool_use")[0]
        file = client.files.upload(file=("kept.txt", b"kept"))
    lasting_server.restart()
    with official(lasting_server.url, key) as client:
        assert client.files.download(file.id).read() == b"kept"
        assert _ids(listed(client, session.id)) == _ids(events)
        send(client, session.id, confirm(ask))
        send(client, session.id, custom_result(own, "Mine."))
        rest(client, session.id)
        later = listed(client, session.id)[len(events) :]
        assert later[-1].stop_reason.type == "end_turn"
        assert types(later).count("session.status_running") == 1
        assert said(of(later, "agent.message")[-1]) == "good morning"
        assert len(site.hits) == 1
