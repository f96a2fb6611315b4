"""Which paths a bundle carries, under which names, and what makes no tree."""

import pytest

from chalicelib.bundles import trees
from chalicelib.bundles.errors import BadBundle
from chalicelib.workspaces.model import Entry

FILE, FOLDER = Entry("file", 0o644), Entry("dir", 0o755)


def link(target: str) -> Entry:
    """A link."""
    return Entry("symlink", 0o777, target=target)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/workspace/a/b", "workspace/a/b"),
        ("/mnt/session/outputs/o.txt", "outputs/o.txt"),
        ("/mnt/session/results/r", "results/r"),
    ],
)
def test_names_and_paths_stand_for_each_other(path: str, name: str) -> None:
    assert trees.name_of(path) == name
    assert trees.path_of(name) == trees.path_of(f"{name}/") == path


def test_what_lies_elsewhere_has_no_name() -> None:
    assert trees.name_of("/etc/passwd") is None
    assert trees.path_of("files/a") is trees.path_of("Workspace/a") is None


def test_what_cannot_be_carried_is_left_out_with_a_reason() -> None:
    entries = {
        "/workspace/a": FILE,
        "/workspace/é b": FILE,
        "/workspace/in": link("a"),
        "/workspace/over": link("/mnt/session/uploads/x"),
        "/workspace/out": link("/usr/bin/python3"),
        "/workspace/around": link("around"),
        "/workspace/a\nb": FILE,
        "/workspace/a\\b": FILE,
        "/var/x": FILE,
    }
    kept, left = trees.carried(entries)
    assert list(kept) == ["workspace/a", "workspace/in", "workspace/over", "workspace/é b"]
    assert {one.id for one in left} == {
        "/workspace/out",
        "/workspace/around",
        "/workspace/a\\nb",
        "/workspace/a\\\\b",
        "/var/x",
    }
    assert all(one.reason for one in left)


def test_what_is_carried_is_sound() -> None:
    kept, _ = trees.carried({"/workspace/d": FOLDER, "/workspace/d/a": FILE, "/workspace/l": link("d/a")})
    trees.demand_sound({str(trees.path_of(name)): (name, entry) for name, entry in kept.items()})


@pytest.mark.parametrize(
    "entries",
    [
        {"/workspace/a": FILE, "/workspace/a/b": FILE},
        {"/workspace/a": link("d"), "/workspace/a/b/c": FILE},
        {"/workspace/d": link("."), "/workspace/e": link("d/../../etc")},
        {"/workspace/../etc": FILE},
    ],
)
def test_what_makes_no_tree_is_refused(entries: dict[str, Entry]) -> None:
    with pytest.raises(BadBundle):
        trees.demand_sound({path: (path[1:], entry) for path, entry in entries.items()})
