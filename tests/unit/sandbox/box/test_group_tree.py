"""Finding where control groups can be made."""

from pathlib import Path

import pytest

from chalicelib.sandbox.box import group_tree
from chalicelib.sandbox.box.group_tree import NO_GROUPS, discover


def line(path: Path, kind: str, options: str) -> str:
    """One line of mountinfo."""
    return f"30 23 0:26 / {path} rw,nosuid shared:4 - {kind} {kind} {options}"


def folder(path: Path, *files: str) -> Path:
    """A directory with empty files."""
    path.mkdir(parents=True, exist_ok=True)
    for name in files:
        (path / name).write_text("")
    return path


def test_version_1_gives_a_parent_for_each_controller_and_the_freezer(tmp_path: Path) -> None:
    names = ("memory", "cpu,cpuacct", "pids", "freezer")
    mounts = [line(folder(tmp_path / name), "cgroup", f"rw,{name}") for name in names]
    found = discover("\n".join(mounts), "4:memory:/")
    assert found.unified is None
    assert dict(found.divided) == {
        "memory": tmp_path / "memory/lambent",
        "pids": tmp_path / "pids/lambent",
        "cpu": tmp_path / "cpu,cpuacct/lambent",
        "freezer": tmp_path / "freezer/lambent",
    }
    assert found.controllers() == {"memory", "pids", "cpu"}
    assert all(parent.is_dir() for parent in found.parents)


def test_a_hierarchy_of_several_controllers_is_used_once(tmp_path: Path) -> None:
    found = discover(line(folder(tmp_path / "all"), "cgroup", "rw,cpu,memory,pids,freezer"), "")
    assert found.parents == (tmp_path / "all/lambent",)


def test_version_2_hands_the_controllers_down(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "lambent"):
        folder(place, "cgroup.subtree_control")
    found = discover(line(tmp_path, "cgroup2", "rw"), "0::/")
    assert found.unified == tmp_path / "lambent"
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"
    assert found.divided == ()


def test_where_the_top_is_closed_the_group_next_to_our_own_will_do(tmp_path: Path) -> None:
    (tmp_path / "lambent").write_text("in the way")
    folder(tmp_path / "user/session", "cgroup.subtree_control")
    found = discover(line(tmp_path, "cgroup2", "rw"), "0::/user/session")
    assert found.unified == tmp_path / "user/lambent"


def test_the_place_with_most_controllers_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "user/session")
    given = {tmp_path: 1, tmp_path / "user": 3, tmp_path / "user/session": 2}
    monkeypatch.setattr(group_tree, "_enabled", given.__getitem__)
    found = discover(line(tmp_path, "cgroup2", "rw"), "0::/user/session")
    assert found.unified == tmp_path / "user/lambent"


def test_side_by_side_the_freezer_is_version_2s(tmp_path: Path) -> None:
    mounts = [
        line(folder(tmp_path / "memory"), "cgroup", "rw,memory"),
        line(folder(tmp_path / "freezer"), "cgroup", "rw,freezer"),
        line(folder(tmp_path / "unified"), "cgroup2", "rw"),
    ]
    found = discover("\n".join(mounts), "0::/\n1:memory:/")
    assert found.parents == (tmp_path / "unified/lambent", tmp_path / "memory/lambent")
    assert [name for name, _ in found.divided] == ["memory"]


def test_no_groups_where_nothing_is_mounted_or_nothing_can_be_made(tmp_path: Path) -> None:
    assert discover("22 1 8:1 / / rw - ext4 /dev/a rw", "") == NO_GROUPS
    (tmp_path / "lambent").write_text("in the way")
    assert discover(line(tmp_path, "cgroup", "rw,memory"), "") == NO_GROUPS
    assert NO_GROUPS.controllers() == frozenset()
