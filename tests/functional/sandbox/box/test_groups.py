"""Control groups of this machine, by whichever versions it has."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.sandbox.box import groups, owners
from chalicelib.sandbox.box.group_tree import GroupTree, discover
from chalicelib.sandbox.hosts.base import Limits

_LIMITS = Limits(memory_mib=32, disk_mib=16, processes=8, cpus=0.5)


def trees() -> dict[str, GroupTree]:
    """By name: all of it, what of version 1 there is alone, what of version 2."""
    info, own = Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()
    old = "\n".join(line for line in info.splitlines() if " - cgroup2 " not in line)
    new = "\n".join(line for line in info.splitlines() if " - cgroup " not in line)
    return {"both": discover(info, own), "version 1": discover(old, own), "version 2": discover(new, own)}


@contextmanager
def started(tree: GroupTree, *words: str) -> Iterator[tuple[groups.Groups, subprocess.Popen[bytes]]]:
    """A command inside new groups."""
    made = groups.make(tree, owners.new_name(), _LIMITS)
    with subprocess.Popen(["/bin/sh", "-c", 'read go; exec "$@"', "sh", *words], stdin=subprocess.PIPE) as process:
        try:
            groups.join(made, process.pid)
            assert process.stdin
            process.stdin.write(b"go\n")
            process.stdin.flush()
            yield made, process
        finally:
            groups.kill(made)
            process.kill()
            process.wait()
            assert groups.remove(made)
            assert not any(group.exists() for group in made)


@pytest.fixture(params=["both", "version 1", "version 2"])
def tree(request: pytest.FixtureRequest) -> GroupTree:
    """Each tree that can freeze; skips those this machine does not have."""
    if os.geteuid() != 0:
        pytest.skip("control groups need a privileged server here")
    found = trees()[request.param]
    try:
        made = groups.make(found, owners.new_name(), _LIMITS)
    except OSError as error:
        pytest.skip(f"no groups can be made: {error}")
    able = groups.can_freeze(made)
    groups.remove(made)
    if not able:
        pytest.skip("these groups cannot freeze")
    return found


def test_what_is_frozen_stands_still_until_it_is_thawed(tree: GroupTree, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    loop = f"while :; do echo x >> {ticks}; sleep 0.01; done"
    with started(tree, "/bin/sh", "-c", loop) as (made, _):
        _await(ticks.exists)
        groups.freeze(made)
        assert groups.is_frozen(made)
        before = ticks.stat().st_size
        time.sleep(0.1)
        assert ticks.stat().st_size == before
        groups.thaw(made)
        assert not groups.is_frozen(made)
        _await(lambda: ticks.stat().st_size > before)


@pytest.mark.parametrize("frozen", [False, True])
def test_killing_ends_all_at_once_even_the_frozen(tree: GroupTree, frozen: bool) -> None:
    # Where processes are killed one by one, the shell may yet see its children end before its own turn comes.
    loop = "for i in 1 2 3; do setsid sleep 60 & done; wait; exit 9"
    with started(tree, "/bin/sh", "-c", loop) as (made, process):
        _await(lambda: len(groups.members(made)) >= 4)
        if frozen:
            groups.freeze(made)
        groups.kill(made)
        assert groups.members(made) == set()
        assert process.wait(5) != 0


def test_no_more_processes_than_allowed(tree: GroupTree) -> None:
    if "pids" not in tree.controllers():
        pytest.skip("nothing counts processes here")
    with started(tree, "/bin/sh", "-c", "for i in $(seq 40); do sleep 60 & done; wait") as (made, _):
        _await(lambda: len(groups.members(made)) >= _LIMITS.processes)
        time.sleep(0.1)
        assert len(groups.members(made)) <= _LIMITS.processes + 4


def test_groups_of_this_process_are_not_abandoned(tree: GroupTree) -> None:
    with started(tree, "sleep", "60") as (made, _):
        assert made[0].name in groups.named(tree)
        assert not owners.is_abandoned(made[0].name)


def test_where_nothing_can_be_written_nothing_is_waited_for(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from chalicelib.sandbox.box import groups;"
        "sys.exit(not groups.remove((Path(sys.argv[1]) / 'never-made',)))"
    )
    command = 'mount -t tmpfs -o ro none "$0" || exit 77; exec "$@"'
    words = ["unshare", "-m", "sh", "-c", command, str(tmp_path), sys.executable, "-c", script, str(tmp_path)]
    code = subprocess.run(words, check=False).returncode
    if code == 77:
        pytest.skip("nothing can be mounted here")
    assert code == 0


def _await(done: object) -> None:
    assert callable(done)
    deadline = time.monotonic() + 5
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
