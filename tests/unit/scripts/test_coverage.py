"""The rules for rows of covered behaviours, and the page made of them."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "coverage.py"


def loaded() -> Any:
    """The script as a module; its folder is no package."""
    spec = importlib.util.spec_from_file_location("coverage_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = loaded()
load, main, problems, rendered, Row = script.load, script.main, script.problems, script.rendered, script.Row

TESTS = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
def test_one(n): ...

async def test_two(): ...

def helper(): ...

class TestGroup:
    def test_in_it(self): ...
    def other(self): ...
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(TESTS)
    (tmp_path / "tests" / "helpers.py").write_text(TESTS)
    return tmp_path


def row(row_id: str, *tests: str, text: str = "It works.") -> Any:
    return Row(row_id, text, tuple(f"tests/{test}" for test in tests))


def test_functions_methods_and_classes_count_as_tests(root: Path) -> None:
    named = ("test_a.py::test_one", "test_a.py::test_two", "test_a.py::TestGroup::test_in_it", "test_a.py::TestGroup")
    assert list(problems([row("sdk-1", *named)], root)) == []


@pytest.mark.parametrize(
    "test",
    [
        "test_a.py::test_three",
        "test_a.py::helper",
        "test_a.py::test_in_it",
        "test_a.py::TestGroup::other",
        "test_a.py::test_one[1]",
        "test_a.py",
        "test_b.py::test_one",
        "helpers.py::test_one",
    ],
)
def test_what_is_no_test_is_told(root: Path, test: str) -> None:
    assert list(problems([row("sdk-1", test)], root)) == [f"sdk-1: no such test: tests/{test}"]


@pytest.mark.parametrize("rows", [[row("sdk-1")], [row("sdk-1", "test_a.py::test_one", text=" ")]])
def test_an_empty_row_is_told(root: Path, rows: list[Any]) -> None:
    assert list(problems(rows, root)) == ["sdk-1: empty"]


def test_a_test_named_twice_is_told(root: Path) -> None:
    assert list(problems([row("sdk-1", *["test_a.py::test_one"] * 2)], root)) == ["sdk-1: names a test twice"]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (("sdk-1", "sdk-3", "sdk-20", "plain-1"), []),
        (("sdk-2", "sdk-1"), ["sdk-1: out of order"]),
        (("plain-1", "sdk-2"), ["sdk-2: out of order"]),
        (("sdk-2", "sdk-2"), ["sdk-2: out of order"]),
        (("sdk-01", "other-1", "sdk"), ["sdk-01: not an id", "other-1: not an id", "sdk: not an id"]),
    ],
)
def test_ids_are_in_order(root: Path, ids: tuple[str, ...], told: list[str]) -> None:
    assert list(problems([row(one, "test_a.py::test_one") for one in ids], root)) == told


def test_the_page_has_a_table_for_each_group_and_leads_to_the_tests() -> None:
    page = rendered([row("sdk-1", "test_a.py::test_one", "test_a.py::TestGroup::test_in_it"), row("plain-7", "b::c")])
    shown = "| sdk-1 | It works. | [one](../tests/test_a.py)<br>[in it](../tests/test_a.py) |"
    assert page.index("## Official SDKs") < page.index(shown) < page.index("## Plain HTTP") < page.index("| plain-7 |")
    assert "Plain HTTP" not in rendered([row("sdk-1", "a::b")])


def test_the_check_tells_when_the_page_is_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "rows.json", tmp_path / "page.md"
    this = "tests/unit/scripts/test_coverage.py::test_an_empty_row_is_told"
    rows = [{"id": "sdk-1", "text": "It works.", "tests": [this]}]
    source.write_text(json.dumps(rows))
    places = ["--source", str(source), "--target", str(target)]
    assert main(["--check", *places]) == 1
    assert not target.exists()
    assert main(places) == 0
    assert main(["--check", *places]) == 0
    source.write_text(json.dumps([rows[0] | {"text": "It works well."}]))
    assert main(["--check", *places]) == 1
    source.write_text(json.dumps([rows[0] | {"tests": []}]))
    assert main(places) == 1
    assert "It works." in target.read_text()
    told = capsys.readouterr().out
    assert "make coverage" in told
    assert "sdk-1: empty" in told


def test_the_projects_own_page_is_made_of_its_rows() -> None:
    assert list(problems(load(script.SOURCE), script.ROOT)) == []
    assert script.TARGET.read_text("utf-8") == rendered(load(script.SOURCE))
