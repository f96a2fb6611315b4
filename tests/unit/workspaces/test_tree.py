"""Paths in a tree without a file system: links and climbing stay inside."""

import pytest

from chalicelib.workspaces.errors import NotAFile, PathEscapes, PathNotFound
from chalicelib.workspaces.model import Entry
from chalicelib.workspaces.tree import Tree, absolute


def link(target: str) -> Entry:
    """A symbolic link."""
    return Entry("symlink", 0o777, target=target)


FILE = Entry("file", 0o644, size=1, digest="d", pack="p")
TREE = Tree(
    1,
    {
        "/workspace/a": FILE,
        "/workspace/dir": Entry("dir", 0o755),
        "/workspace/dir/b": FILE,
        "/workspace/near": link("dir/b"),
        "/workspace/dir/up": link("../a"),
        "/workspace/far": link("/etc/passwd"),
        "/workspace/climb": link("../../etc"),
        "/workspace/round": link("round"),
        "/workspace/todir": link("/workspace/dir"),
    },
)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("a", "/workspace/a"),
        ("~/a", "/workspace/a"),
        ("./dir/./b", "/workspace/dir/b"),
        ("dir/../a", "/workspace/a"),
        ("near", "/workspace/dir/b"),
        ("dir/up", "/workspace/a"),
        ("todir/b", "/workspace/dir/b"),
        ("/workspace", "/workspace"),
        ("/mnt/session/outputs/x", "/mnt/session/outputs/x"),
    ],
)
def test_paths_lead_where_a_kernel_would_lead_them(given: str, found: str) -> None:
    assert TREE.resolve(given) == found


@pytest.mark.parametrize(
    "given", ["far", "climb/passwd", "../etc/passwd", "/etc/passwd", "/workspace/../x", "round", "/"]
)
def test_paths_that_lead_out_are_refused(given: str) -> None:
    with pytest.raises(PathEscapes):
        TREE.resolve(given)


def test_a_folder_is_no_file_and_nothing_is_nothing() -> None:
    with pytest.raises(NotAFile):
        TREE.file("dir")
    with pytest.raises(PathNotFound):
        TREE.file("nothing")
    assert TREE.file("near") == FILE


def test_relative_paths_begin_at_the_root_of_the_workspace() -> None:
    assert absolute("x/./y") == "/workspace/x/y"
    assert absolute("~") == "/workspace"
