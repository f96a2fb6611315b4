import time

import pytest

from chalicelib.sandbox.guest.globbing import fixed_part, matcher


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "b.py", True),
        ("*.py", "a/b.py", True),
        ("*.py", "a/b.pyc", False),
        ("./*.py", "a/b.py", False),
        ("./*.py", "b.py", True),
        ("a/*.py", "a/b.py", True),
        ("a/*.py", "x/a/b.py", False),
        ("a/*.py", "a/x/b.py", False),
        ("**/b.py", "b.py", True),
        ("**/b.py", "a/x/b.py", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/c", "a/c", True),
        ("a/**/**/c", "a/x/y/c", True),
        ("a/**/b/**/c", "a/x/b/y/z/c", True),
        ("a/**/b/**/c", "a/x/y/z/c", False),
        ("[!a].py", "b.py", True),
        ("[!a].py", "a.py", False),
        ("[a-c]1", "b1", True),
        ("[", "[", True),
        ("{a,b}.py", "b.py", True),
        ("x{a,{b,c}}", "q/xc", True),
        ("{one}", "one", True),
        ("{a", "{a", True),
        ("a}", "a}", True),
        ("{a,b}/{c,d}", "b/d", True),
        (".*", ".env", True),
        ("*", "sub/.env", True),
        ("a.b", "axb", False),
        ("a+(b)", "a+(b)", True),
        ("*\n*", "a\nb", True),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert matcher(pattern)(path) is fits


def test_too_many_choices_are_refused() -> None:
    with pytest.raises(ValueError, match="choices"):
        matcher("{a,b}" * 11)


@pytest.mark.parametrize(("pattern", "path"), [("*a" * 80 + "b", "a" * 250), ("**/d/" * 40 + "x", "d/" * 100 + "y")])
def test_no_pattern_takes_for_ever(pattern: str, path: str) -> None:
    began = time.monotonic()
    assert not matcher(pattern)(path)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("/a/b/*.py", ("/a/b/", "*.py")),
        ("/a/{b,c}/d", ("/a/", "{b,c}/d")),
        ("/a/b", ("/a/", "b")),
        ("*", ("", "*")),
    ],
)
def test_the_folder_a_pattern_names(pattern: str, parts: tuple[str, str]) -> None:
    assert fixed_part(pattern) == parts
