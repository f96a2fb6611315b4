"""Which paths a memory can have, and the folder of a store."""

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.memory import paths


@pytest.mark.parametrize("path", ["/a", "/.hidden", "/a b/c", "/\u00e9", "/" + "/".join("x" * 20), "/" + "x" * 1023])
def test_usual_paths_are_taken_as_they_are(path: str) -> None:
    assert paths.checked(path, strict=True) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//a",
        "/a/",
        "/.",
        "/a/../b",
        "/a\x00",
        "/a\u200b",
        "/a\u2028b",
        "/e\u0301",
        "/" + "/".join("x" * 21),
        "/" + "x" * 1024,
        "/" + "\u00e9" * 512,
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_others_are_refused(path: str, strict: bool) -> None:
    with pytest.raises(InvalidRequest):
        paths.checked(path, strict=strict)


def test_the_slash_in_front_may_be_missing_where_that_is_not_strict() -> None:
    assert paths.checked("a/b", strict=False) == "/a/b"
    with pytest.raises(InvalidRequest):
        paths.checked("a/b", strict=True)


def test_a_prefix_names_whole_segments_where_it_is_strict() -> None:
    assert paths.checked_prefix(None, strict=True) == "/"
    assert paths.checked_prefix("/a/", strict=True) == "/a/"
    assert paths.checked_prefix("a", strict=False) == "/a"
    for prefix in ("/a", "a/"):
        with pytest.raises(InvalidRequest):
            paths.checked_prefix(prefix, strict=True)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("User Preferences", "user-preferences"),
        ("  A--b_c! ", "a-b-c"),
        ("\u6771\u4eac", "memory"),
        ("x" * 200, "x" * 64),
    ],
)
def test_a_name_becomes_a_folder(name: str, folder: str) -> None:
    assert paths.slug(name) == folder
