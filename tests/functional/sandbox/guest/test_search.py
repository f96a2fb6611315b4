"""Finding files and lines."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestProblem
from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.sandbox.guest.shellcalls import timed

FILES = {
    "a.py": "import os\nx = 1\n",
    "src/b.py": "def find():\n    return 'Needle'\n",
    "src/deep/c.ts": "// needle\nlet y = 2\n",
    ".hidden/d.py": "needle = 1\n",
    "node_modules/e.js": "needle()\nneedle()\n",
    "data.bin": "needle\0\n",
}


@pytest.fixture
def tree(guest: Guest, folder: str) -> Path:
    """The test's folder with some files, each newer than the one before."""
    real = guest.root / folder[1:]
    for number, (name, content) in enumerate(FILES.items()):
        (real / name).parent.mkdir(parents=True, exist_ok=True)
        (real / name).write_text(content)
        os.utime(real / name, (1_700_000_000 + number, 1_700_000_000 + number))
    return real


def glob(guest: Guest, folder: str, pattern: str, **more: Any) -> list[str]:
    found = guest.call("/search/glob", {"pattern": pattern, "path": folder, **more})
    assert found["whole"]
    return [path.removeprefix(f"{folder}/") for path in found["paths"]]


def grep(guest: Guest, folder: str, pattern: str, **more: Any) -> dict[str, Any]:
    return guest.call("/search/grep", {"pattern": pattern, "path": folder, **more})


def lines(folder: str, found: dict[str, Any]) -> list[str]:
    return [f"{path.removeprefix(folder + '/')}:{number}:{text}" for path, number, text, _ in found["lines"]]


def code_of(guest: Guest, route: str, body: dict[str, Any]) -> str:
    with pytest.raises(GuestProblem) as caught:
        guest.call(route, body)
    return caught.value.guest_code


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("*.py", [".hidden/d.py", "src/b.py", "a.py"]),
        ("**/*.py", [".hidden/d.py", "src/b.py", "a.py"]),
        ("./*.py", ["a.py"]),
        ("src/*.py", ["src/b.py"]),
        ("src/**", ["src/deep/c.ts", "src/b.py"]),
        ("{src,node_modules}/**/*.{ts,js}", ["node_modules/e.js", "src/deep/c.ts"]),
        ("[ab].py", ["src/b.py", "a.py"]),
        ("?.py", [".hidden/d.py", "src/b.py", "a.py"]),
        ("none*", []),
        ("src", []),
    ],
)
def test_files_by_pattern_newest_first(guest: Guest, folder: str, tree: Path, pattern: str, paths: list[str]) -> None:
    assert glob(guest, folder, pattern) == paths


def test_a_pattern_may_be_a_whole_path(guest: Guest, folder: str, tree: Path) -> None:
    found = guest.call("/search/glob", {"pattern": f"{folder}/src/**/*.ts"})
    assert found["paths"] == [f"{folder}/src/deep/c.ts"]
    assert guest.call("/search/glob", {"pattern": f"{folder}/*.py"})["paths"] == [f"{folder}/a.py"]
    assert guest.call("/search/glob", {"pattern": f"{folder}/a.py"})["paths"] == [f"{folder}/a.py"]


def test_of_many_files_the_newest_are_shown(guest: Guest, folder: str, tree: Path) -> None:
    found = guest.call("/search/glob", {"pattern": "*", "path": folder, "limit": 2})
    assert found["paths"] == [f"{folder}/data.bin", f"{folder}/node_modules/e.js"]
    assert found["total"] == len(FILES)


def test_links_are_shown_and_not_followed(guest: Guest, folder: str, tree: Path) -> None:
    (tree / "round").symlink_to(".")
    (tree / "lost").symlink_to("nowhere")
    assert sorted(glob(guest, folder, "{lost,round}")) == ["lost", "round"]
    assert len(glob(guest, folder, "a.py")) == 1


def test_a_pattern_made_to_take_for_ever_does_not(guest: Guest, folder: str, tree: Path) -> None:
    (tree / ("a" * 200)).touch()
    (tree / "/".join("d" * 40)).mkdir(parents=True)
    (tree / "/".join("d" * 40) / "f").touch()
    with timed() as seconds:
        assert glob(guest, folder, "*a" * 60 + "b") == []
        assert glob(guest, folder, "**/d/" * 20 + "nothing") == []
        assert seconds() < 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"pattern": "*", "path": "none"}, "not_found"),
        ({"pattern": "*", "path": "../.."}, "permission_denied"),
        ({"pattern": ""}, "invalid_argument"),
        ({"pattern": "*", "limit": 0}, "invalid_argument"),
        ({"pattern": "{a,b}" * 20}, "invalid_argument"),
    ],
)
def test_a_glob_that_cannot_be(guest: Guest, body: dict[str, Any], code: str) -> None:
    assert code_of(guest, "/search/glob", body) == code


def test_lines_that_match(guest: Guest, folder: str, tree: Path) -> None:
    found = grep(guest, folder, "needle")
    assert lines(folder, found) == [
        ".hidden/d.py:1:needle = 1",
        "node_modules/e.js:1:needle()",
        "node_modules/e.js:2:needle()",
        "src/deep/c.ts:1:// needle",
    ]
    assert (found["matches"], found["whole"]) == (4, True)


def test_case_may_not_matter(guest: Guest, folder: str, tree: Path) -> None:
    assert lines(folder, grep(guest, folder, "NEEDLE'", ignoreCase=True)) == ["src/b.py:2:    return 'Needle'"]


def test_one_file_and_some_files(guest: Guest, folder: str, tree: Path) -> None:
    assert len(grep(guest, f"{folder}/node_modules/e.js", "needle")["lines"]) == 2
    assert lines(folder, grep(guest, folder, "needle", glob="*.py")) == [".hidden/d.py:1:needle = 1"]
    assert lines(folder, grep(guest, folder, "needle", glob="src/**")) == ["src/deep/c.ts:1:// needle"]


def test_paths_alone(guest: Guest, folder: str, tree: Path) -> None:
    found = grep(guest, folder, "needle", filesOnly=True)
    assert sorted((path.rpartition("/")[2], count) for path, count in found["files"]) == [
        ("c.ts", 1),
        ("d.py", 1),
        ("e.js", 2),
    ]


def test_lines_around(guest: Guest, folder: str, tree: Path) -> None:
    (tree / "long").write_text("".join(f"{number}\n" for number in range(1, 21)))
    found = grep(guest, f"{folder}/long", "^(5|7|15)$", context=1)
    shown = [(number, matches) for _, number, _, matches in found["lines"]]
    assert shown == [(4, False), (5, True), (6, False), (7, True), (8, False), (14, False), (15, True), (16, False)]


def test_the_number_of_matches_is_bounded(guest: Guest, folder: str, tree: Path) -> None:
    (tree / "long").write_text("x\n" * 50)
    found = grep(guest, f"{folder}/long", "x", limit=10)
    assert (len(found["lines"]), found["whole"], found["why"]) == (10, False, "there are more than 10")
    assert grep(guest, f"{folder}/long", "x", limit=50)["whole"]


@pytest.mark.parametrize(
    ("content", "pattern", "count"),
    [
        ("foo\r\nbar\r\n", "foo$", 1),
        ("a\nb\n", r"a\sb", 0),
        ("a\nb", r"\Ab\Z", 1),
        ("x\n\ny\n", "^$", 1),
        ("ü€\n", "^..$", 1),
        ("foobar\n", "foo(?!baz)", 1),
        ("a\n" * 3, r"\Aa", 3),
    ],
)
def test_a_pattern_sees_one_line(guest: Guest, folder: str, tree: Path, content: str, pattern: str, count: int) -> None:
    (tree / "f").write_bytes(content.encode())
    assert grep(guest, f"{folder}/f", pattern)["matches"] == count


def test_what_is_named_and_no_text_is_told(guest: Guest, folder: str, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert code_of(guest, "/search/grep", {"pattern": "x", "path": f"{folder}/pipe"}) == "invalid_argument"
    assert code_of(guest, "/search/grep", {"pattern": "x", "path": f"{folder}/data.bin"}) == "failed_precondition"
    assert len(grep(guest, folder, "needle")["lines"]) == 4


def test_long_lines_are_shortened(guest: Guest, folder: str, tree: Path) -> None:
    (tree / "min.js").write_text("x" * 50_000 + "needle\n")
    ((_, _, text, _),) = grep(guest, f"{folder}/min.js", "needle")["lines"]
    assert len(text) < 2100


def test_a_pattern_that_never_ends_is_given_up(guest: Guest, folder: str, tree: Path) -> None:
    (tree / "early").write_text("aab\n")
    (tree / "z-late").write_text("a" * 60 + "b\n")
    began = time.monotonic()
    found = grep(guest, folder, "^(a+)+$|^aab$", timeoutMs=700)
    assert time.monotonic() - began < 3
    assert (found["whole"], found["why"], found["matches"]) == (False, "it took too long", 1)
    assert lines(folder, found) == ["early:1:aab"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"pattern": "("}, "invalid_argument"),
        ({"pattern": "x", "path": "none"}, "not_found"),
        ({"pattern": "x", "path": "/workspace/../../etc"}, "permission_denied"),
        ({"pattern": 5}, "invalid_argument"),
        ({}, "invalid_argument"),
        ({"pattern": "x", "limit": 0}, "invalid_argument"),
        ({"pattern": "x", "glob": "{a,b}" * 20}, "invalid_argument"),
    ],
)
def test_a_search_that_cannot_be(guest: Guest, body: dict[str, Any], code: str) -> None:
    assert code_of(guest, "/search/grep", body) == code
