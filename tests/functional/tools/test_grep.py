"""The grep tool over a real guest."""

from typing import Any

import pytest

from chalicelib.tools.grep import NONE_FOUND, Grep
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import Sandbox

GREP = Grep()


@pytest.fixture(autouse=True)
def files(sandbox: Sandbox) -> None:
    """Two texts to search."""
    (sandbox.guest.workspace / "a.py").write_text("one\ntwo\nthree\nfour\nfive\nsix\n")
    (sandbox.guest.workspace / "b.txt").write_text("One and two\n")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({"pattern": "tw"}, ["/workspace/a.py:2:two", "/workspace/b.txt:1:One and two"]),
        ({"pattern": "^one", "ignore_case": True}, ["/workspace/a.py:1:one", "/workspace/b.txt:1:One and two"]),
        ({"pattern": "two", "glob": "*.txt"}, ["/workspace/b.txt:1:One and two"]),
        ({"pattern": "two", "path": "a.py"}, ["/workspace/a.py:2:two"]),
        ({"pattern": "two", "output_mode": "files_with_matches"}, ["/workspace/a.py", "/workspace/b.txt"]),
        ({"pattern": "t", "output_mode": "count"}, ["/workspace/a.py:2", "/workspace/b.txt:1"]),
        (
            {"pattern": "two|six", "path": "a.py", "context": 1},
            [
                "/workspace/a.py-1-one",
                "/workspace/a.py:2:two",
                "/workspace/a.py-3-three",
                "--",
                "/workspace/a.py-5-five",
                "/workspace/a.py:6:six",
            ],
        ),
        (
            {"pattern": ".", "head_limit": 2},
            ["/workspace/a.py:1:one", "/workspace/a.py:2:two", "[Not everything is shown: there are more than 2.]"],
        ),
        ({"pattern": "seven"}, [NONE_FOUND]),
    ],
)
def test_what_is_found(sandbox: Sandbox, arguments: dict[str, Any], lines: list[str]) -> None:
    assert sandbox.says(GREP, **arguments).splitlines() == lines


def test_much_that_is_found_goes_to_a_file(sandbox: Sandbox) -> None:
    (sandbox.guest.workspace / "long").write_text(f"{'x' * 1500}\n" * 300)
    text = sandbox.says(GREP, pattern="x", path="long")
    assert len(text) < 20_000
    assert "/mnt/session/results/use_1.txt" in text
    kept = (sandbox.guest.root / "mnt/session/results/use_1.txt").read_text()
    assert len(kept.splitlines()) == 300
    assert sandbox.access.persisted == [["/mnt/session/results/use_1.txt"]]


def test_what_cannot_be_searched(sandbox: Sandbox) -> None:
    assert "not a regular expression" in sandbox.fails(GREP, pattern="(")
    assert "does not exist" in sandbox.fails(GREP, pattern="x", path="none")
    assert "`output_mode`" in error_of(GREP.run(context(), {"pattern": "x", "output_mode": "y"}))
    assert "`pattern`" in error_of(GREP.run(context(), {}))
    assert "`context`" in error_of(GREP.run(context(), {"pattern": "x", "context": -1}))
