"""The edit tool over a real guest."""

from typing import Any

import pytest

from chalicelib.tools.edit import Edit
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Sandbox

EDIT = Edit()


def test_the_change_is_shown_with_its_lines(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "f").write_text("one\ntwo\nthree\n")
    text = sandbox.says(EDIT, file_path="f", old_string="two", new_string="2\n2.5")
    assert text == "Replaced once in /workspace/f. It now reads:\n     1\tone\n     2\t2\n     3\t2.5\n     4\tthree"
    assert (sandbox.guest.workspace / "f").read_text() == "one\n2\n2.5\nthree\n"


def test_every_place_when_asked(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "f").write_text("a a\na\n")
    assert "Replaced 3 times" in sandbox.says(EDIT, file_path="f", old_string="a", new_string="", replace_all=True)
    assert (sandbox.guest.workspace / "f").read_text() == " \n\n"


def test_a_passage_missing_or_not_unique_changes_nothing(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "f").write_text("a a\n")
    assert "occurs 2 times" in sandbox.fails(EDIT, file_path="f", old_string="a", new_string="b")
    assert "does not occur" in sandbox.fails(EDIT, file_path="f", old_string="c", new_string="b")
    assert "are the same" in sandbox.fails(EDIT, file_path="f", old_string="a a", new_string="a a")
    assert "does not exist" in sandbox.fails(EDIT, file_path="none", old_string="a", new_string="b")
    assert (sandbox.guest.workspace / "f").read_text() == "a a\n"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"file_path": "f", "old_string": "", "new_string": "x"},
        {"file_path": "f", "old_string": "a"},
        {"file_path": "f", "old_string": "a", "new_string": "b", "replace_all": "yes"},
    ],
)
def test_wrong_arguments_are_an_error_result(arguments: dict[str, Any]) -> None:
    assert "no sandbox" not in error_of(EDIT.run(context(), arguments))
