"""Writes docs/coverage.md from tests/coverage/behaviours.json; ``--check`` only compares and looks for what is amiss.

A row of the JSON has an ``id`` (``sdk-1``, ``plain-1``, ``e2b-1`` …), the behaviour as a sentence, and the tests that
show it: functions or classes as pytest names them, without parameters.
"""

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests" / "coverage" / "behaviours.json"
TARGET = ROOT / "docs" / "coverage.md"
_GROUPS = {"sdk": "Official SDKs", "plain": "Plain HTTP", "e2b": "E2B clients"}
_ID = re.compile(rf"({'|'.join(_GROUPS)})-([1-9]\d*)")
_HEAD = """# What clients rely on

Each behaviour that clients rely on, and the tests that show it. Written by `make coverage` from
[tests/coverage/behaviours.json](../tests/coverage/behaviours.json); `make lint` looks whether the tests still exist.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour. ``tests`` are pytest's names without parameters."""

    id: str
    text: str
    tests: tuple[str, ...]


def load(source: Path) -> list[Row]:
    """The rows of a file."""
    return [Row(one["id"], one["text"], tuple(one["tests"])) for one in json.loads(source.read_text("utf-8"))]


def rendered(rows: Iterable[Row]) -> str:
    """The page: a table for each group that has rows."""
    kept = list(rows)
    tables = [_table(group, [row for row in kept if row.id.startswith(f"{group}-")]) for group in _GROUPS]
    return "\n".join([_HEAD, *filter(None, tables)])


def _table(group: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = [f"| {row.id} | {row.text} | {'<br>'.join(map(_link, row.tests))} |" for row in rows]
    return "\n".join([f"## {_GROUPS[group]}", "", "| | behaviour | tests |", "|---|---|---|", *lines, ""])


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.rpartition('::')[2].removeprefix('test_').replace('_', ' ')}](../{path})"


def problems(rows: Iterable[Row], root: Path) -> Iterator[str]:
    """What is wrong with the rows: ids out of order or form, empty rows, repeated tests, tests that do not exist."""
    last = (0, 0)
    for row in rows:
        place = _place(row.id)
        if place is None:
            yield f"{row.id}: not an id"
        elif place <= last:
            yield f"{row.id}: out of order"
        last = place or last
        if not row.text.strip() or not row.tests:
            yield f"{row.id}: empty"
        if len(set(row.tests)) < len(row.tests):
            yield f"{row.id}: names a test twice"
        yield from (f"{row.id}: no such test: {test}" for test in row.tests if not _exists(test, root))


def _place(row_id: str) -> tuple[int, int] | None:
    found = _ID.fullmatch(row_id)
    return found and (list(_GROUPS).index(found[1]) + 1, int(found[2]))


def _exists(test: str, root: Path) -> bool:
    path, _, name = test.partition("::")
    return name in _tests_of(root / path)


@cache
def _tests_of(path: Path) -> frozenset[str]:
    if not path.is_file() or not path.match("test_*.py"):
        return frozenset()
    return frozenset(_named(ast.parse(path.read_text("utf-8")).body))


def _named(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield node.name
            yield from (f"{node.name}::{name}" for name in _named(node.body))


def main(arguments: list[str]) -> int:
    """Exit status 1 when the rows have problems, or when ``--check`` finds the page behind them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--source", type=Path, default=SOURCE, help="the rows")
    parser.add_argument("--target", type=Path, default=TARGET, help="the page to write or compare")
    chosen = parser.parse_args(arguments)
    rows = load(chosen.source)
    found = list(problems(rows, ROOT))
    page = rendered(rows)
    if found:
        print(*found, sep="\n")
    elif not chosen.check:
        chosen.target.write_text(page, "utf-8")
    elif not chosen.target.exists() or chosen.target.read_text("utf-8") != page:
        found.append("stale")
        print(f"docs/{chosen.target.name} is behind the behaviours; renew it with: make coverage")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
