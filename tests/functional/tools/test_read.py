"""The read tool over a real guest."""

import base64
from typing import Any

import pytest

from chalicelib.tools.output import MAX_CHARS, finished
from chalicelib.tools.read import Read
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Sandbox, text_of

READ = Read()
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"view_range": [2, 3]}, [2, 3]),
        ({"view_range": [4, -1]}, [4, 5]),
        ({"view_range": [4, 0]}, [4, 5]),
        ({"view_range": [0, 2]}, [1, 2]),
        ({"view_range": [5, 99]}, [5]),
        ({"offset": 3}, [3, 4, 5]),
        ({"offset": 2, "limit": 2}, [2, 3]),
        ({"limit": 2}, [1, 2]),
        ({"offset": 0, "limit": 1}, [1]),
    ],
)
def test_lines_with_their_numbers(sandbox: Sandbox, arguments: dict[str, Any], numbers: list[int]) -> None:
    (sandbox.guest.workspace / "f").write_text("".join(f"line {number}\n" for number in range(1, 6)))
    text = sandbox.says(READ, file_path="/workspace/f", **arguments)
    assert text == "\n".join(f"{number:6}\tline {number}" for number in numbers)


def test_what_is_shown_of_a_long_file_says_how_to_go_on(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "f").write_text("".join(f"{number}\n" for number in range(1, 100_001)))
    output = sandbox.run(READ, file_path="f")
    text = text_of(output)
    assert len(text) <= MAX_CHARS
    assert finished(output) == output
    last = int(text.splitlines()[-2].split()[0])
    assert text.endswith(f"[Lines 1 to {last} of 100000 are shown. Go on with view_range [{last + 1}, -1].]")
    following = sandbox.says(READ, file_path="f", view_range=[last + 1, last + 1])
    assert following == f"{last + 1:6}\t{last + 1}"


def test_a_line_too_long_is_cut(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "f").write_text("x" * 1_000_000 + "\nnext\n")
    text = sandbox.says(READ, file_path="f")
    assert len(text) <= MAX_CHARS
    assert "[Line 1 is longer than this" in text
    assert text.endswith("Go on with view_range [2, -1].]")
    assert sandbox.says(READ, file_path="f", view_range=[2, -1]) == "     2\tnext"


def test_an_empty_file(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "f").touch()
    assert sandbox.says(READ, file_path="f") == "(the file is empty)"


def test_an_image_is_given_to_look_at(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "i.png").write_bytes(PNG)
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    assert sandbox.run(READ, file_path="i.png").content == [{"type": "image", "source": source}]


def test_a_pdf_is_given_to_look_at(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "d.pdf").write_bytes(b"%PDF-1.7\n%%EOF")
    (block,) = sandbox.run(READ, file_path="d.pdf").content
    assert (block["type"], block["source"]["media_type"]) == ("document", "application/pdf")
    assert base64.b64decode(block["source"]["data"]) == b"%PDF-1.7\n%%EOF"


def test_what_cannot_be_read(sandbox: Sandbox) -> None:
    workspace = sandbox.guest.workspace
    (workspace / "dir").mkdir()
    (workspace / "bin").write_bytes(b"\0\1\2")
    (workspace / "big.png").write_bytes(PNG + b"\0" * 4_000_000)
    (workspace / "f").write_text("a\nb\n")
    assert sandbox.fails(READ, file_path="none") == "Error: path '/workspace/none' does not exist."
    assert "is a directory" in sandbox.fails(READ, file_path="dir")
    assert "is not a text (3 bytes)" in sandbox.fails(READ, file_path="bin")
    assert "may have 3750000 at most" in sandbox.fails(READ, file_path="big.png")
    assert sandbox.fails(READ, file_path="f", offset=3) == "Error: '/workspace/f' has only 2 lines."
    assert "leads out of /workspace" in sandbox.fails(READ, file_path="../../etc/passwd")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"file_path": ""},
        {"file_path": 5},
        {"file_path": "f", "view_range": [1]},
        {"file_path": "f", "view_range": [3, 2]},
        {"file_path": "f", "view_range": ["1", "2"]},
        {"file_path": "f", "limit": 0},
        {"file_path": "f", "offset": "1"},
    ],
)
def test_wrong_arguments_are_an_error_result(arguments: dict[str, Any]) -> None:
    assert "no sandbox" not in error_of(READ.run(context(), arguments))
