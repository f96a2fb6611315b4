"""A server that is told to end stores what its sandboxes have done so far; the next one says what is gone."""

import json
from pathlib import Path

import pytest
from e2b import NotFoundException, Sandbox, SandboxException

from tests.e2e.e2b.helpers import eventually
from tests.support.server import Server

_COUNTS = "n=0; while :; do n=$((n+1)); echo $n >> counted; sleep 0.05; done"


_TOLD = ["a sandbox has a new computer", "the computer of a sandbox was gone", "a sandbox has a new computer"]


def told(server: Server, sandbox_id: str) -> list[str]:
    """What the log says became of a sandbox; its other lines are those of requests."""
    lines = [json.loads(line) for line in server.log().splitlines() if f'"sandbox":"{sandbox_id}"' in line]
    assert all(line["tenant"] for line in lines)
    assert {line["route"] for line in lines if "route" in line} >= {"/files", "/process.Process/{method}"}
    return [line["message"] for line in lines if "route" not in line]


def test_what_goes_on_in_the_background_is_stored_before_the_end(tmp_path: Path) -> None:
    with Server({"LOG_LEVEL": "INFO"}, tmp_path) as server:
        options = {"api_key": server.api_key, "api_url": server.url, "sandbox_url": server.url}
        sandbox = Sandbox.create(**options)
        counting = sandbox.commands.run(_COUNTS, background=True)
        assert eventually(lambda: sandbox.files.exists("counted") and "5" in sandbox.files.read("counted"))
        server.stop()
        server.start()
        options |= {"api_url": server.url, "sandbox_url": server.url}
        again = Sandbox.connect(sandbox.sandbox_id, **options)
        assert again.files.read("counted").split()[:5] == ["1", "2", "3", "4", "5"]
        with pytest.raises(NotFoundException):
            again.commands.connect(counting.pid)
        assert eventually(lambda: told(server, sandbox.sandbox_id) == _TOLD), told(server, sandbox.sandbox_id)


def test_who_waits_for_a_command_is_told_that_the_server_stops() -> None:
    with Server() as server:
        options = {"api_key": server.api_key, "api_url": server.url, "sandbox_url": server.url}
        waited_for = Sandbox.create(**options).commands.run("sleep 300", background=True)
        server.stop()
        with pytest.raises(SandboxException, match="the server is stopping"):
            waited_for.wait()
