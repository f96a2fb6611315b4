"""Indexes: bytes and back, and what merging keeps and drops."""

from dataclasses import replace

from chalicelib.workspaces.index import decode, encode, flat, merge, packs_of
from chalicelib.workspaces.model import Entry, Index


def file(pack: str, offset: int = 0) -> Entry:
    """A file whose content lies in an object."""
    return Entry("file", 0o640, 7, 3, f"digest-{pack}-{offset}", pack, offset)


def test_an_index_comes_back_as_it_was() -> None:
    index = Index(
        {"/workspace/a": file("p"), "/workspace/d": Entry("dir", 0o755, 3), "/workspace/gone": None}, ("p", "q")
    )
    labelled = replace(file("p", 9), labels={"owner": "me"})
    linked = Index(
        {**index.changes, "/workspace/l": Entry("symlink", 0o777, 1, target="a ü"), "/workspace/x": labelled},
        index.owned,
    )
    assert decode(encode(linked)) == linked


def test_the_newer_change_of_a_path_holds() -> None:
    older = Index({"a": file("one"), "b": file("one", 3)}, ("one",))
    newer = Index({"a": file("two"), "b": None}, ("two",))
    assert flat([older, newer]) == {"a": file("two")}


def test_merging_drops_objects_that_nothing_needs() -> None:
    older = Index({"a": file("one"), "b": file("kept")}, ("one", "kept"))
    newer = Index({"a": file("two")}, ("two",))
    merged, gone = merge(older, newer, bottom=False)
    assert merged == Index({"a": file("two"), "b": file("kept")}, ("kept", "two"))
    assert gone == {"one"}


def test_merging_leaves_alone_what_lower_layers_own() -> None:
    """A file that was moved refers to an object that was written with another layer."""
    moved = Index({"new": file("below"), "old": None}, ())
    merged, gone = merge(moved, Index({"x": file("x")}, ("x",)), bottom=False)
    assert "below" not in gone
    assert packs_of(merged.changes) == {"below", "x"}


def test_removals_are_forgotten_only_at_the_bottom() -> None:
    older, newer = Index({"a": file("one")}, ("one",)), Index({"a": None}, ())
    assert merge(older, newer, bottom=False)[0].changes == {"a": None}
    assert merge(older, newer, bottom=True)[0].changes == {}
