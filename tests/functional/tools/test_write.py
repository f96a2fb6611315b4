"""The write tool over a real guest."""

from typing import Any

import pytest

from chalicelib.tools.write import Write
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Sandbox

WRITE = Write()


def test_a_new_file_with_its_folders(sandbox: Sandbox) -> None:
    assert sandbox.says(WRITE, file_path="a/b/f.txt", content="ü\n") == "Wrote 3 bytes to /workspace/a/b/f.txt."
    assert (sandbox.guest.workspace / "a/b/f.txt").read_text() == "ü\n"


def test_a_file_is_replaced_and_keeps_its_mode(sandbox: Sandbox) -> None:
    file = sandbox.guest.workspace / "run.sh"
    file.write_text("old")
    file.chmod(0o755)
    sandbox.says(WRITE, file_path="/workspace/run.sh", content="")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("", 0o755)


def test_names_may_hold_anything(sandbox: Sandbox) -> None:
    sandbox.says(WRITE, file_path="a b&c=d#e%41?ü.txt", content="x")
    assert (sandbox.guest.workspace / "a b&c=d#e%41?ü.txt").read_text() == "x"


def test_outputs_can_be_written(sandbox: Sandbox) -> None:
    sandbox.says(WRITE, file_path="/mnt/session/outputs/report.md", content="# Report")
    assert (sandbox.guest.root / "mnt/session/outputs/report.md").read_text() == "# Report"


def test_what_cannot_be_written(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "dir").mkdir()
    assert "is a directory" in sandbox.fails(WRITE, file_path="dir", content="x")
    assert "leads out of" in sandbox.fails(WRITE, file_path="../../x", content="x")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"file_path": "f"},
        {"content": "x"},
        {"file_path": "f", "content": 5},
        {"file_path": "f", "content": "\ud800"},
    ],
)
def test_wrong_arguments_are_an_error_result(arguments: dict[str, Any]) -> None:
    assert "no sandbox" not in error_of(WRITE.run(context(), arguments))
