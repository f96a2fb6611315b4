"""What a run leaves of the computer its tools used."""

from collections.abc import Callable

from chalicelib.core.clock import now_ms
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import Rig, said

TOOLSET = {"type": "agent_toolset_20260401"}


def test_a_run_that_is_over_keeps_no_computer_awake(make: Callable[[], Services], model: FakeModel) -> None:
    rig = Rig(make(), model, make, [TOOLSET])
    try:
        rig.send(said('tool:bash input:{"command": "echo one"} tokens:1'))
        rig.ring()
        rig.assert_whole()
        (result,) = [event.data for event in rig.log if event.type == "agent.tool_result"]
        assert result["content"] == [{"type": "text", "text": "one"}]
        sandbox = rig.services.sandboxes.get(rig.ref.space, rig.ref.id)
        assert sandbox.computer is not None
        assert sandbox.used_at <= now_ms()
    finally:
        rig.services.close()
