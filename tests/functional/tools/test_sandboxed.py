"""What holds for every tool that works in a sandbox."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.sandbox.hosts.base import SandboxError, SandboxRefused, SandboxUnavailable
from chalicelib.tools.base import Tool
from chalicelib.tools.bash import Bash
from chalicelib.tools.edit import Edit
from chalicelib.tools.glob import Glob
from chalicelib.tools.grep import Grep
from chalicelib.tools.read import Read
from chalicelib.tools.write import Write
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Access, Sandbox

CALLS: list[tuple[Tool, dict[str, Any]]] = [
    (Bash(), {"command": "true"}),
    (Read(), {"file_path": "f"}),
    (Write(), {"file_path": "f", "content": "x"}),
    (Edit(), {"file_path": "f", "old_string": "a", "new_string": "b"}),
    (Glob(), {"pattern": "*"}),
    (Grep(), {"pattern": "x"}),
]
every_tool = pytest.mark.parametrize(("tool", "arguments"), CALLS, ids=lambda value: getattr(value, "name", ""))


@every_tool
def test_without_a_sandbox_there_is_an_error_result(tool: Tool, arguments: dict[str, Any]) -> None:
    assert "there is no sandbox" in error_of(tool.run(context(), arguments))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (SandboxUnavailable("no room"), "Error: the sandbox cannot be used now: no room"),
        (SandboxRefused("no isolation"), "Error: there is no sandbox to use: no isolation"),
    ],
)
@every_tool
def test_a_sandbox_that_cannot_be_had_is_an_error_result(
    tool: Tool, arguments: dict[str, Any], problem: SandboxError, told: str
) -> None:
    class Nowhere(Access):
        def client(self) -> Any:
            raise problem

    output = tool.run(context(sandbox=Nowhere(None)), arguments)  # type: ignore[arg-type]
    assert error_of(output) == told


@every_tool
def test_a_sandbox_that_is_found_dead_is_replaced(
    sandbox: Sandbox, start_guest: Callable[[], Any], tool: Tool, arguments: dict[str, Any]
) -> None:
    def another() -> Any:
        guest = start_guest()
        (guest.workspace / "f").write_text("a\n")
        return guest

    sandbox.access.start = another
    sandbox.guest.process.kill()
    sandbox.guest.process.wait()
    assert not sandbox.run(tool, **arguments).is_error
    assert sandbox.access.losses == 1


def test_a_sandbox_that_stops_again_is_not_tried_for_ever(sandbox: Sandbox) -> None:
    sandbox.access.start = None
    sandbox.guest.process.kill()
    sandbox.guest.process.wait()
    assert "the sandbox stopped" in sandbox.fails(Glob(), pattern="*")
    assert sandbox.access.losses == 2


def test_a_sandbox_that_stops_in_the_middle_of_a_command(sandbox: Sandbox) -> None:
    text = sandbox.fails(Bash(), command=f"sleep 0.2; kill -9 {sandbox.guest.process.pid}; sleep 20")
    assert text.startswith("Error: the sandbox stopped while this ran")
    assert sandbox.access.losses == 1


def test_what_could_not_be_stored_is_told_with_the_result(sandbox: Sandbox) -> None:
    sandbox.access.trouble = SandboxUnavailable("the store is away")
    output = sandbox.run(Bash(), command="echo done")
    assert output.is_error
    first, second = output.content
    assert first["text"] == (
        "Error: the call was carried out, but what it changed could not be stored: the store is away"
    )
    assert second["text"] == "done"


@every_tool
def test_what_the_model_must_know_comes_first(sandbox: Sandbox, tool: Tool, arguments: dict[str, Any]) -> None:
    (sandbox.guest.workspace / "f").write_text("a\n")
    sandbox.access.told = ["The sandbox was started anew."]
    output = sandbox.run(tool, **arguments)
    assert not output.is_error
    first, _ = output.content
    assert first["text"] == "[The sandbox was started anew.]"


@every_tool
def test_only_what_changes_something_is_made_durable(sandbox: Sandbox, tool: Tool, arguments: dict[str, Any]) -> None:
    (sandbox.guest.workspace / "f").write_text("a\n")
    sandbox.run(tool, **arguments)
    expected = {"bash": [None], "write": [["f"]], "edit": [["f"]]}
    assert sandbox.access.persisted == expected.get(tool.name, [])


@every_tool
def test_a_schema_says_what_is_needed(tool: Tool, arguments: dict[str, Any]) -> None:
    schema = tool.input_schema
    assert set(schema.get("required", ())) <= set(arguments) <= set(schema["properties"])
    assert tool.name != "bash" or not schema.get("required")
