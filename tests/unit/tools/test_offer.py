from typing import Any

import pytest

from chalicelib.tools import catalogue
from chalicelib.tools.base import ToolContext, ToolOutput, text_output
from chalicelib.tools.http_call import HttpCall
from chalicelib.tools.offer import find, offer
from chalicelib.tools.sandbox_call import SandboxCall
from chalicelib.tools.web_fetch import WebFetch

ASK = {"permission_policy": {"type": "always_ask"}}
SCHEMA = {"type": "object", "properties": {}}


class _Named:
    description = "d"
    input_schema: dict[str, Any] = SCHEMA
    safe_to_repeat = False

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        return text_output(self.name)


ALL = {name: _Named(name) for name in catalogue.NAMES}


def _agent(*tools: dict[str, Any]) -> dict[str, Any]:
    return {"tools": list(tools)}


def _toolset(default: dict[str, Any] | None = None, **configs: dict[str, Any]) -> dict[str, Any]:
    listed = [{"name": name, **config} for name, config in configs.items()]
    return {"type": "agent_toolset_20260401", "default_config": default or {}, "configs": listed}


def _custom(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "custom", "name": name, "description": f"about {name}", "input_schema": SCHEMA, **more}


def test_of_the_built_in_tools_those_are_offered_that_run_here() -> None:
    offers = offer(_agent(_toolset()), "sdk")
    assert [one.name for one in offers] == list(catalogue.STANDARD)
    assert {(one.runs, one.policy) for one in offers} == {("server", "always_allow")}
    fetch = find(offers, "web_fetch")
    assert fetch is not None
    assert isinstance(fetch.tool, WebFetch)
    assert fetch.spec.input_schema["required"] == ["url"]
    assert set(catalogue.RUNNABLE) <= set(catalogue.NAMES)


def test_a_worker_of_the_customer_runs_what_needs_a_sandbox() -> None:
    offers = offer(_agent(_toolset(bash=ASK)), "sdk", self_hosted=True)
    runs = {one.name: (one.runs, one.tool is None) for one in offers}
    worker = dict.fromkeys(("bash", "read", "write", "edit", "glob", "grep"), ("worker", True))
    assert runs == worker | dict.fromkeys(("web_fetch", "web_search"), ("server", False))
    bash = find(offers, "bash")
    assert bash is not None
    assert bash.policy == "always_ask"


@pytest.mark.parametrize("kind", ["web_search_20250305", "web_search_ddg", "web_search_tavily"])
def test_web_search_may_be_named_on_its_own(kind: str) -> None:
    (only,) = offer(_agent({"type": kind, "name": "web_search"}), "plain")
    assert (only.name, only.runs, only.policy) == ("web_search", "server", "always_allow")
    assert [one.name for one in offer(_agent({"type": kind, "name": "seek"}), "sdk", {})] == []


@pytest.mark.parametrize(
    "agent", [{}, {"tools": None}, _agent(), _agent({"type": "mcp_toolset", "mcp_server_name": "m"})]
)
def test_without_tools_nothing_is_offered(agent: dict[str, Any]) -> None:
    assert offer(agent, "plain") == []


@pytest.mark.parametrize(
    ("toolset", "policy"),
    [
        (_toolset({"enabled": False}), None),
        (_toolset(web_fetch={"enabled": False}), None),
        (_toolset({"enabled": False}, web_fetch={"enabled": True}), "always_allow"),
        (_toolset({"enabled": False}, web_fetch={"permission_policy": {"type": "auto"}}), None),
        (_toolset({"permission_policy": {"type": "always_ask"}}), "always_ask"),
        (
            _toolset({"permission_policy": {"type": "always_ask"}}, web_fetch={"permission_policy": {"type": "auto"}}),
            "auto",
        ),
        (_toolset({"enabled": True, "permission_policy": None}, web_fetch={"enabled": None}), "always_allow"),
        ({"type": "agent_toolset_20260401"}, "always_allow"),
    ],
)
def test_a_tools_own_setting_wins_over_the_default(toolset: dict[str, Any], policy: str | None) -> None:
    offered = find(offer(_agent(toolset), "sdk"), "web_fetch")
    assert (offered.policy if offered else None) == policy


def test_extensions_are_for_agents_of_plain_clients_or_by_name() -> None:
    everything = _toolset()
    named = _toolset(schedule={}, browser={})
    assert [o.name for o in offer(_agent(everything), "sdk", ALL)] == list(catalogue.STANDARD)
    assert [o.name for o in offer(_agent(everything), "plain", ALL)] == [n for n in catalogue.NAMES if n != "browser"]
    assert [o.name for o in offer(_agent(named), "sdk", ALL)] == [*catalogue.STANDARD, "schedule", "browser"]


def test_custom_tools_run_where_their_execution_says() -> None:
    endpoint = {"type": "http", "endpoint": "https://x.test/"}
    tools = (_custom("mine"), _custom("nil", execution=None), _custom("web", execution=endpoint))
    offers = offer(_agent(*tools, _custom("box", execution={"type": "sandbox", "command": "x"})), "sdk")
    assert [(o.name, o.runs, o.policy) for o in offers] == [
        ("mine", "client", "always_allow"),
        ("nil", "client", "always_allow"),
        ("web", "server", "always_allow"),
        ("box", "server", "always_allow"),
    ]
    assert [type(o.tool) for o in offers] == [type(None), type(None), HttpCall, SandboxCall]
    assert offers[0].spec.description == "about mine"


@pytest.mark.parametrize("tools", [(_custom("web_fetch"), _toolset()), (_toolset(), _custom("web_fetch"))])
def test_a_name_is_offered_once_as_the_custom_tool_wherever_that_stands(tools: tuple[dict[str, Any], ...]) -> None:
    offers = offer(_agent(*tools), "plain")
    assert [(o.name, o.runs) for o in offers if o.name == "web_fetch"] == [("web_fetch", "client")]
