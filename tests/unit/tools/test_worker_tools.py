"""The tools of a self-hosted environment are offered to the model and left to a worker."""

from typing import Any

from chalicelib.tools.offer import find, offer

SANDBOX = {"bash", "read", "write", "edit", "glob", "grep"}


def agent(**toolset: Any) -> dict[str, Any]:
    """An agent with the built-in set."""
    return {"tools": [{"type": "agent_toolset_20260401", **toolset}]}


def test_a_worker_runs_what_needs_a_sandbox_and_the_server_the_rest() -> None:
    offers = offer(agent(), "sdk", self_hosted=True)
    assert {one.name for one in offers if one.runs == "worker"} == SANDBOX
    assert {one.runs for one in offers if one.name.startswith("web_")} == {"server"}
    assert all(one.tool is None and one.spec.description for one in offers if one.runs == "worker")


def test_elsewhere_no_worker_is_needed() -> None:
    assert [one for one in offer(agent(), "sdk") if one.runs == "worker"] == []


def test_switches_and_policies_hold_for_workers_too() -> None:
    ask = {"type": "always_ask"}
    configs = [{"name": "bash", "permission_policy": ask}, {"name": "grep", "enabled": False}]
    offers = offer(agent(configs=configs), "sdk", self_hosted=True)
    bash = find(offers, "bash")
    assert bash is not None
    assert bash.policy == "always_ask"
    assert find(offers, "grep") is None


def test_arguments_are_those_the_official_worker_reads() -> None:
    from anthropic.lib.tools.agent_toolset import AgentToolContext, beta_agent_toolset_20260401

    specs = {one.name: one.spec.input_schema for one in offer(agent(), "sdk", self_hosted=True)}
    for tool in beta_agent_toolset_20260401(AgentToolContext(workdir=".")):
        theirs: Any = tool.to_dict()["input_schema"]
        ours = specs[tool.name]
        assert set(ours["required"]) >= set(theirs.get("required", ())), tool.name
        assert set(ours["properties"]) <= set(theirs["properties"]), tool.name
