"""What is written into the files of control groups."""

from pathlib import Path

import pytest

from chalicelib.sandbox.box import groups
from chalicelib.sandbox.box.group_tree import GroupTree
from chalicelib.sandbox.hosts.base import Limits

_LIMITS = Limits(memory_mib=100, disk_mib=28, processes=10, cpus=1.5)
_BYTES = str(128 * 1024 * 1024)


def write(folder: Path, **files: str) -> Path:
    """A directory as the kernel would fill it; dots stand as underscores."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ("memory.max", "memory.swap.max", "pids.max", "cpu.max"),
            {"memory.max": _BYTES, "memory.swap.max": "0", "pids.max": "14", "cpu.max": "150000 100000"},
        ),
        (
            ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.cfs_period_us", "cpu.cfs_quota_us"),
            {
                "memory.limit_in_bytes": _BYTES,
                "memory.memsw.limit_in_bytes": _BYTES,
                "cpu.cfs_period_us": "100000",
                "cpu.cfs_quota_us": "150000",
            },
        ),
    ],
)
def test_limits_are_written_where_there_is_a_file_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], expected: dict[str, str]
) -> None:
    made = Path.mkdir

    def kernel(self: Path, *given: object, **named: object) -> None:
        made(self)
        for name in names:
            (self / name).write_text("max")

    monkeypatch.setattr(Path, "mkdir", kernel)
    (group,) = groups.make(GroupTree(tmp_path), "one", _LIMITS)
    assert {name: (group / name).read_text() for name in names} == expected
    assert groups.bounds_memory((group,)) == any(name.startswith("memory") for name in names)


def test_what_cannot_be_made_whole_is_not_made(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    with pytest.raises(FileNotFoundError):
        groups.make(GroupTree(first, (("memory", second),)), "one", _LIMITS)
    assert list(first.iterdir()) == []


def test_the_freezer_of_version_1_says_its_state_in_words(tmp_path: Path) -> None:
    group = write(tmp_path / "g", freezer_state="THAWED\n")
    assert groups.can_freeze((group,))
    assert not groups.is_frozen((group,))
    groups.freeze((group,))
    assert groups.is_frozen((group,))
    groups.thaw((group,))
    assert (group / "freezer.state").read_text() == "THAWED"


def test_version_2_is_frozen_when_its_events_say_so(tmp_path: Path) -> None:
    group = write(tmp_path / "g", cgroup_freeze="0", cgroup_events="populated 1\nfrozen 1\n")
    assert groups.is_frozen((group,))
    groups.thaw((group,))
    assert (group / "cgroup.freeze").read_text() == "0"
    write(group, cgroup_events="populated 1\nfrozen 0\n")
    assert not groups.is_frozen((group,))


def test_groups_that_are_gone_are_no_error_where_nothing_is_wanted_of_them(tmp_path: Path) -> None:
    gone = (tmp_path / "gone",)
    assert not groups.is_frozen(gone)
    assert not groups.can_freeze(gone)
    assert groups.members(gone) == set()
    groups.kill(gone)
    assert groups.remove(gone)
