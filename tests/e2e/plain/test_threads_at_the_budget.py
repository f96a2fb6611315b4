"""A budget holds for all threads of a session: at the cap nobody is asked further, and all go on once it is raised."""

from tests.e2e.plain.test_budgets import PRICED, budget, calls_tool
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, text_of, wait_for
from tests.support.endpoint import CLIENT_TOOL


def test_called_agents_pause_at_the_cap_and_go_on_when_it_is_raised(api: Api, model: FakeModel) -> None:
    tool = CLIENT_TOOL | {"name": "ask"}
    session = api.session(api.agent(model=PRICED, tools=[tool], enable_general_subagent=True), budget=budget(100))
    call = {"type": "tool_use", "name": "general_subagent", "input": {"task": 'dig say:"dug"'}}
    model.script({"blocks": [call], "match": "lead"}, {"blocks": [{"type": "text", "text": "End."}], "match": "lead"})
    model.script(calls_tool("dig", 4))
    api.say(session, "lead")
    api.wait_idle(session)
    use = next(one for one in api.log(session) if one["type"] == "agent.custom_tool_use")
    answer = {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": "ok"}
    assert api.send(session, answer).status_code == 202
    shown = api.wait_idle(session)
    assert shown["stop_reason"]["type"] == "budget_reached"
    assert len(model.requests) == 2
    assert [one["status"] for one in api.get(f"/v1/sessions/{session}/threads")["data"]] == ["idle", "idle"]
    api.ok("POST", f"/v1/sessions/{session}", {"budget": budget(500)})
    wait_for(lambda: text_of(api.log(session)) == ["dug", "End."], "all to go on")
    assert api.wait_idle(session)["stop_reason"] == {"type": "end_turn"}
