"""Tools: confirmations, tools of the client, tools behind an address, and what is refused while a call waits."""

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import (
    CALL,
    TURN_HEAD,
    TURN_TAIL,
    Watch,
    asking_toolset,
    confirm,
    custom_result,
    custom_tool,
    http_tool,
    listed,
    make_agent,
    make_session,
    of,
    rest,
    said,
    say,
    send,
    turn,
    types,
    until,
)
from tests.e2e.anthropic_sdk.site import Site
from tests.fakes.model_server import FakeModel
from tests.support.api import message

Watching = Callable[..., Watch]
ASKS = [asking_toolset()]
INTERRUPT = {"type": "user.interrupt"}


def _fetches(*urls: str) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "name": "web_fetch", "input": {"url": url}} for url in urls]


def _ask(client: Anthropic, model: FakeModel, site: Site, text: str, *pages: str) -> tuple[str, list[Any]]:
    """A session that waits for a yes or no to fetch each page; its id and the uses."""
    session = make_session(client, make_agent(client, tools=ASKS))
    urls = [f"{site.url}/{page}" for page in pages]
    spoken = f"{text}: please read {' '.join(urls)}"
    model.script(
        {"blocks": _fetches(*urls), "match": spoken}, {"blocks": [{"type": "text", "text": "Done."}], "match": spoken}
    )
    say(client, session.id, spoken)
    rest(client, session.id)
    return session.id, of(listed(client, session.id), "agent.tool_use")


def _waiting_ids(event: Any) -> list[str]:
    assert event.stop_reason.type == "requires_action"
    return list(event.stop_reason.event_ids)


class TestConfirmation:
    """A tool that asks is not carried out before the client's yes, and never after its no."""

    def test_yes(self, either: Anthropic, model: FakeModel, site: Site, watch: Watching) -> None:
        session, (use,) = _ask(either, model, site, "ask and allow", "news")
        events = listed(either, session)
        assert types(events)[-6:] == [
            "span.model_request_start",
            "agent.tool_use",
            "span.model_request_end",
            *TURN_TAIL,
        ]
        assert _waiting_ids(events[-1]) == [use.id]
        assert (use.name, use.input, use.evaluated_permission) == ("web_fetch", {"url": f"{site.url}/news"}, "ask")
        assert site.hits == []
        stream = watch(either, session)
        answer = send(either, session, confirm(use))[0]
        after = stream.wait_idle()
        assert sorted(types(after)[:3]) == sorted([*TURN_HEAD, "user.tool_confirmation"])
        assert types(after)[3:] == ["agent.tool_result", *CALL, *TURN_TAIL]
        echo = of(after, "user.tool_confirmation")[0]
        assert (echo.id, echo.result, echo.tool_use_id) == (answer.id, "allow", use.id)
        result = of(after, "agent.tool_result")[0]
        assert (result.tool_use_id, result.is_error in (None, False)) == (use.id, True)
        assert "The page at /news." in result.content[0].source.data
        assert [hit.path for hit in site.hits] == ["/news"]
        assert after[-1].stop_reason.type == "end_turn"

    def test_no(self, either: Anthropic, model: FakeModel, site: Site) -> None:
        session, (use,) = _ask(either, model, site, "ask and deny", "secret")
        send(either, session, confirm(use, "deny", deny_message="Not on Sundays."))
        rest(either, session)
        events = listed(either, session)
        result = of(events, "agent.tool_result")[0]
        assert (result.tool_use_id, result.is_error) == (use.id, True)
        assert "Not on Sundays." in said(result)
        assert events[-1].stop_reason.type == "end_turn"
        assert site.hits == []
        assert "Not on Sundays." in str(model.requests[-1]["body"]["messages"])

    def test_two_at_once(self, either: Anthropic, model: FakeModel, site: Site, watch: Watching) -> None:
        session, uses = _ask(either, model, site, "ask for two", "one", "two")
        first, second = uses
        assert _waiting_ids(listed(either, session)[-1]) == [first.id, second.id]
        stream = watch(either, session)
        send(either, session, confirm(second))
        partly = stream.wait_idle()
        assert types(partly) == ["user.tool_confirmation", *TURN_TAIL]
        assert _waiting_ids(partly[-1]) == [first.id]
        assert site.hits == []
        send(either, session, confirm(first, "deny"))
        rest(either, session)
        after = stream.wait_idle(2)[len(partly) :]
        assert types(after).count("session.status_running") == 1
        results = {result.tool_use_id: bool(result.is_error) for result in of(after, "agent.tool_result")}
        assert results == {first.id: True, second.id: False}
        assert [hit.path for hit in site.hits] == ["/two"]
        assert types(after)[-6:] == [*CALL, *TURN_TAIL]

    def test_both_in_one_request(self, client: Anthropic, model: FakeModel, site: Site) -> None:
        session, uses = _ask(client, model, site, "ask for both", "one", "two")
        before = len(listed(client, session))
        send(client, session, *[confirm(use) for use in uses])
        rest(client, session)
        after = listed(client, session)[before:]
        assert after[-1].stop_reason.type == "end_turn"
        assert sorted(hit.path for hit in site.hits) == ["/one", "/two"]
        assert len(of(after, "agent.tool_result")) == 2

    def test_a_message_may_follow_the_last_answer_in_its_request(
        self, client: Anthropic, model: FakeModel, site: Site
    ) -> None:
        session, (first, second) = _ask(client, model, site, "ask then talk", "one", "two")
        with pytest.raises(anthropic.BadRequestError, match=r"events\.1"):
            send(client, session, confirm(first), message("too early"))
        assert site.hits == []
        send(client, session, confirm(first), confirm(second), message('in time say:"heard"'))
        rest(client, session)
        events = listed(client, session)
        assert said(of(events, "agent.message")[-1]) == "heard"
        assert len(of(events, "agent.tool_result")) == 2

    def test_the_same_answer_twice_has_one_effect_and_another_is_refused(
        self, client: Anthropic, model: FakeModel, site: Site
    ) -> None:
        session, (use,) = _ask(client, model, site, "ask once", "once")
        first = send(client, session, confirm(use))[0]
        rest(client, session)
        assert send(client, session, confirm(use))[0].id == first.id
        with pytest.raises(anthropic.BadRequestError, match=r"events\.0"):
            send(client, session, confirm(use, "deny"))
        assert len(site.hits) == 1
        assert types(listed(client, session)).count("user.tool_confirmation") == 1

    def test_a_use_that_needs_no_yes_is_allowed_and_carried_out(
        self, client: Anthropic, model: FakeModel, site: Site
    ) -> None:
        tools = [
            {
                "type": "agent_toolset_20260401",
                "default_config": {"enabled": False},
                "configs": [{"name": "web_fetch", "enabled": True}],
            }
        ]
        session = make_session(client, make_agent(client, tools=tools))
        spoken = f"read freely {site.url}/open"
        model.script({"blocks": _fetches(f"{site.url}/open"), "match": spoken})
        events = turn(client, session.id, spoken)
        assert of(events, "agent.tool_use")[0].evaluated_permission == "allow"
        assert len(site.hits) == 1

    def test_an_address_nobody_mentioned_is_an_error_result(
        self, client: Anthropic, model: FakeModel, site: Site
    ) -> None:
        tools = [{"type": "agent_toolset_20260401"}]
        session = make_session(client, make_agent(client, tools=tools))
        model.script({"blocks": _fetches(f"{site.url}/hidden"), "match": "guess an address"})
        result = of(turn(client, session.id, "guess an address"), "agent.tool_result")[0]
        assert result.is_error is True
        assert "url_not_in_prior_context" in said(result)
        assert site.hits == []


class TestWhileACallWaits:
    """Only answers and interrupts are taken."""

    def test_a_message_is_refused_with_the_ids(self, either: Anthropic, model: FakeModel, site: Site) -> None:
        session, uses = _ask(either, model, site, "ask and talk", "one", "two")
        with pytest.raises(anthropic.BadRequestError) as caught:
            say(either, session, "are you there?")
        assert f"waiting on responses to events [{', '.join(use.id for use in uses)}]" in caught.value.message
        for kind in ("user.tool_confirmation", "user.custom_tool_result", "user.tool_result", "user.interrupt"):
            assert kind in caught.value.message
        self._the_interrupt_frees_it(either, session, uses, site)

    @staticmethod
    def _the_interrupt_frees_it(client: Anthropic, session: str, uses: list[Any], site: Site) -> None:
        before = len(listed(client, session))
        sent = send(client, session, INTERRUPT)[0]
        rest(client, session)
        events = listed(client, session)[before:]
        assert [event.id for event in of(events, "user.interrupt")] == [sent.id]
        closed = {result.tool_use_id: result.is_error for result in of(events, "agent.tool_result")}
        assert closed == {use.id: True for use in uses}
        assert of(events, "span.model_request_start") == []
        assert events[-1].stop_reason.type == "end_turn"
        with pytest.raises(anthropic.BadRequestError, match=r"events\.0"):
            send(client, session, confirm(uses[0]))
        after = turn(client, session, 'and now say:"free"')
        assert said(of(after, "agent.message")[-1]) == "free"
        assert site.hits == []

    def test_it_can_be_archived(self, client: Anthropic, model: FakeModel, site: Site) -> None:
        session, (use,) = _ask(client, model, site, "ask and leave", "one")
        assert client.beta.sessions.archive(session).status == "terminated"
        with pytest.raises(anthropic.BadRequestError, match="archived"):
            send(client, session, confirm(use))

    def test_it_can_be_removed(self, client: Anthropic, model: FakeModel, site: Site) -> None:
        session, _ = _ask(client, model, site, "ask and vanish", "one")
        assert client.beta.sessions.delete(session).type == "session_deleted"

    def test_the_session_shows_what_it_waits_for(self, client: Anthropic, model: FakeModel, site: Site) -> None:
        session, (use,) = _ask(client, model, site, "ask and show", "one")
        shown = client.beta.sessions.retrieve(session)
        assert shown.status == "idle"
        assert shown.to_dict()["stop_reason"]["event_ids"] == [use.id]  # type: ignore[index]


class TestToolOfTheClient:
    """The client runs it and sends the result."""

    def test_round_trip(self, either: Anthropic, model: FakeModel) -> None:
        session = make_session(either, make_agent(either, tools=[custom_tool()]))
        events = turn(either, session.id, 'tools:1 input:{"q":"rain"} ask me')
        use = of(events, "agent.custom_tool_use")[0]
        assert (use.name, use.input) == ("lookup", {"q": "rain"})
        assert _waiting_ids(events[-1]) == [use.id]
        stored = send(either, session.id, custom_result(use, "It rains."))[0]
        assert (stored.custom_tool_use_id, stored.processed_at is not None) == (use.id, True)
        rest(either, session.id)
        after = listed(either, session.id)[len(events) :]
        assert types(after)[-6:] == [*CALL, *TURN_TAIL]
        assert of(after, "agent.tool_result") == []
        assert [said(event) for event in of(after, "user.custom_tool_result")] == ["It rains."]
        assert "It rains." in str(model.requests[-1]["body"]["messages"])

    def test_an_answer_before_the_idle_is_taken(self, either: Anthropic, model: FakeModel, watch: Watching) -> None:
        session = make_session(either, make_agent(either, tools=[custom_tool()]))
        with either.beta.sessions.events.stream(session.id) as stream:
            say(either, session.id, 'tools:1 input:{"q":"fast"} quick one')
            for event in until(
                stream, lambda one: one.type == "session.status_idle" and one.stop_reason.type == "end_turn"
            ):
                if event.type == "agent.custom_tool_use":
                    send(either, session.id, custom_result(event, "Already here."))
        events = listed(either, session.id)
        assert len(of(events, "user.custom_tool_result")) == 1
        assert len(of(events, "span.model_request_end")) == 2

    def test_an_answer_while_another_tool_still_runs_is_taken(
        self, client: Anthropic, model: FakeModel, site: Site, watch: Watching
    ) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool(), http_tool(site.url)]))
        calls = [{"type": "tool_use", "name": name, "input": {"q": name}} for name in ("remote", "lookup")]
        model.script({"blocks": calls, "match": "both kinds"}, {"blocks": [{"type": "text", "text": "Both."}]})
        stream = watch(client, session.id)
        site.shut()
        say(client, session.id, "both kinds")
        site.wait_hits(1)
        use = of(stream.wait("agent.custom_tool_use"), "agent.custom_tool_use")[0]
        send(client, session.id, custom_result(use, "Mine."))
        site.open()
        events = stream.wait_idle()
        assert events[-1].stop_reason.type == "end_turn"
        assert types(events).count("session.status_running") == 1
        assert said(of(events, "agent.message")[-1]) == "Both."

    def test_the_same_answer_twice_has_one_effect(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        use = of(turn(client, session.id, 'tools:1 input:{"q":"twice"} say:"end"'), "agent.custom_tool_use")[0]
        first = send(client, session.id, custom_result(use, "Once."))[0]
        again = send(client, session.id, custom_result(use, "Once."))[0]
        assert again.id == first.id
        rest(client, session.id)
        with pytest.raises(anthropic.BadRequestError, match=r"events\.0"):
            send(client, session.id, custom_result(use, "Otherwise."))
        events = listed(client, session.id)
        assert len(of(events, "user.custom_tool_result")) == 1
        assert len(of(events, "span.model_request_end")) == 2

    def test_an_error_result_is_told_to_the_model(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        use = of(turn(client, session.id, "tools:1 failing tool"), "agent.custom_tool_use")[0]
        send(client, session.id, custom_result(use, "It broke.") | {"is_error": True})
        rest(client, session.id)
        told = model.requests[-1]["body"]["messages"][-1]["content"][0]
        assert (told["type"], told["is_error"]) == ("tool_result", True)
        assert "It broke." in str(told["content"])

    def test_the_wrong_kind_of_answer_is_refused(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        use = of(turn(client, session.id, "tools:1 wrong kind"), "agent.custom_tool_use")[0]
        for wrong in (confirm(use), {"type": "user.tool_result", "tool_use_id": use.id, "content": []}):
            with pytest.raises(anthropic.BadRequestError, match=r"events\.0"):
                send(client, session.id, wrong)
        assert client.beta.sessions.retrieve(session.id).status == "idle"

    def test_an_interrupt_closes_it_and_its_id_takes_no_answer(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        use = of(turn(client, session.id, "tools:1 then stop"), "agent.custom_tool_use")[0]
        send(client, session.id, INTERRUPT, message('onward say:"moving"'))
        rest(client, session.id)
        events = listed(client, session.id)
        assert said(of(events, "agent.message")[-1]) == "moving"
        with pytest.raises(anthropic.BadRequestError, match=r"events\.0"):
            send(client, session.id, custom_result(use, "Late."))

    def test_a_system_message_may_follow_its_result(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        use = of(turn(client, session.id, "tools:1 with advice"), "agent.custom_tool_use")[0]
        rule = {"type": "system.message", "content": [{"type": "text", "text": "Doubt it."}]}
        with pytest.raises(anthropic.BadRequestError, match=r"events\.0"):
            send(client, session.id, rule)
        send(client, session.id, custom_result(use, "It is so."), rule)
        rest(client, session.id)
        assert "Doubt it." in str(model.requests[-1]["body"])


class TestToolBehindAnAddress:
    """The server calls it; the client has nothing to do."""

    def test_several_rounds(self, either: Anthropic, model: FakeModel, site: Site) -> None:
        session = make_session(either, make_agent(either, tools=[http_tool(f"{site.url}/hook")]))
        events = turn(either, session.id, 'tools:3 input:{"q":"again"} three rounds')
        uses, results = of(events, "agent.tool_use"), of(events, "agent.tool_result")
        assert [result.tool_use_id for result in results] == [use.id for use in uses]
        assert [(hit.method, hit.path, hit.body) for hit in site.hits] == [("POST", "/hook", {"q": "again"})] * 3
        assert types(events).count("session.status_idle") == 1
        order = types(events)
        assert order.index("agent.tool_use") < order.index("span.model_request_end") < order.index("agent.tool_result")

    def test_side_by_side(self, client: Anthropic, model: FakeModel, site: Site) -> None:
        session = make_session(client, make_agent(client, tools=[http_tool(site.url)]))
        site.shut()
        say(client, session.id, "parallel:3 side by side")
        site.wait_hits(3)
        site.open()
        rest(client, session.id)
        order = [kind for kind in types(listed(client, session.id)) if kind.startswith("agent.tool")]
        assert order == ["agent.tool_use"] * 3 + ["agent.tool_result"] * 3

    def test_one_the_agent_does_not_have_is_an_error_result(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        model.script({"blocks": [{"type": "tool_use", "name": "teleport", "input": {}}], "match": "beam me up"})
        events = turn(client, session.id, "beam me up")
        assert events[-1].stop_reason.type == "end_turn"
        assert of(events, "agent.tool_result")[0].is_error is True
