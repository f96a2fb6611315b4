"""Calls of MCP tools cut off by the death of their worker: told as unknown, or made again where that does no harm; and
waits for servers end when nobody wants them any more."""

import threading
import time
from collections.abc import Iterator

import pytest

from chalicelib.sessions.inputs import Input, Manner
from chalicelib.wiring import Services
from tests.functional.runs.conftest import Rig, said
from tests.support.api import wait_for
from tests.support.mcp_server import McpSite


@pytest.fixture(scope="module")
def shared_site() -> Iterator[McpSite]:
    with McpSite() as running:
        yield running


@pytest.fixture
def site(shared_site: McpSite) -> McpSite:
    shared_site.reset()
    return shared_site


class McpRig(Rig):
    """The agent has one MCP server."""

    url = ""

    def create(self) -> None:
        toolset = {"type": "mcp_toolset", "mcp_server_name": "site"}
        self.tools = [toolset | {"default_config": {"permission_policy": {"type": "always_allow"}}}]
        super().create()
        spec = self.services.session_store.spec(self.ref)
        spec.agent["mcp_servers"] = [{"type": "url", "name": "site", "url": self.url}]
        self.services.table.write(self.services.session_store.spec_write(self.ref, spec))


def rig_at(rig: Rig, url: str) -> McpRig:
    """A session whose agent uses the server there."""
    made = type("Rigged", (McpRig,), {"url": url})(rig.services, rig.model, rig.make)
    assert isinstance(made, McpRig)
    return made


def _run_out(rig: Rig) -> None:
    services: Services = rig.services
    services.session_store.table.write(services.session_store.lease_write(rig.ref, rig.head.fence, 1, 1))


@pytest.mark.parametrize(("tool", "calls", "text"), [("slow", 1, "unknown"), ("slow_look", 2, "slow: hi")])
def test_a_call_is_made_again_only_if_its_server_calls_it_harmless(
    rig: Rig, site: McpSite, tool: str, calls: int, text: str
) -> None:
    rig = rig_at(rig, site.url)
    rig.send(said(f'tool:mcp__site__{tool} input:{{"text": "hi"}}'))
    dying = threading.Thread(target=rig.ring)
    dying.start()
    wait_for(lambda: len(site.calls) == 1, "the call")
    _run_out(rig)
    fresh = threading.Thread(target=rig.ring, args=(rig.another(),))
    fresh.start()
    if calls == 2:
        wait_for(lambda: len(site.calls) == 2, "the second call")
    else:
        fresh.join(20)
    site.let_go.set()
    fresh.join(20)
    dying.join(20)
    rig.assert_whole()
    [result] = [event for event in rig.log if event.type == "agent.mcp_tool_result"]
    assert text in result.data["content"][0]["text"]
    assert len(site.calls) == calls
    assert rig.head.stop_reason == {"type": "end_turn"}


def test_an_intent_stands_before_the_call(rig: Rig, site: McpSite) -> None:
    rig = rig_at(rig, site.url)
    rig.send(said('tool:mcp__site__slow input:{"text": "hi"}'))
    worker = threading.Thread(target=rig.ring)
    worker.start()
    wait_for(lambda: site.calls, "the call")
    seen = rig.log
    site.let_go.set()
    worker.join(20)
    [use] = [event for event in seen if event.type == "agent.mcp_tool_use"]
    assert use.id in [event.data.get("tool_use_id") for event in seen if event.type == "step.started"]


def test_a_server_that_keeps_everybody_waiting_is_not_waited_for_after_an_interrupt(rig: Rig, site: McpSite) -> None:
    site.hangs = threading.Event()
    rig = rig_at(rig, site.url)
    rig.send(said("hello"))
    worker = threading.Thread(target=rig.ring)
    worker.start()
    wait_for(lambda: site.seen, "the server to be asked")
    rig.send(Input("user.interrupt", {}), manner=Manner("steer", echo_idle_interrupt=True, drop_queued=False))
    began = time.monotonic()
    worker.join(10)
    assert not worker.is_alive()
    assert time.monotonic() - began < 5
    site.hangs.set()
    assert rig.head.status == "idle"
    assert rig.count("span.model_request_start") == rig.count("span.model_request_end")
