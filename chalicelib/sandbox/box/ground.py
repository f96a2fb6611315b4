"""What this machine can do for boxes, found out once: by looking, and by trying it for real."""

import contextlib
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chalicelib.sandbox.box import group_tree, groups, guest_files, interpreter, owners, tools, uids
from chalicelib.sandbox.box.errors import BoxError, NoIsolation, StartFailed
from chalicelib.sandbox.box.group_tree import NO_GROUPS, GroupTree
from chalicelib.sandbox.box.interpreter import Interpreter
from chalicelib.sandbox.box.isolation import Isolation
from chalicelib.sandbox.box.launch import Boxes, IsolatedBoxes
from chalicelib.sandbox.box.launcher import Launcher
from chalicelib.sandbox.box.plain import PlainBoxes
from chalicelib.sandbox.box.record import Tier
from chalicelib.sandbox.box.scratch import Scratch
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.box.spawn import Spawn, last_words, reap
from chalicelib.sandbox.box.uids import UidPool
from chalicelib.sandbox.hosts.base import Limits

_LIMITS = Limits(memory_mib=64, disk_mib=8, processes=16, cpus=1.0)
_PATIENCE_SECONDS = 10
_UID_FILE = "uids"


@dataclass(frozen=True, slots=True)
class Ground:
    """``tier`` is None where no box can be had, and ``why`` says it in words for the operator."""

    tier: Tier | None
    why: str = ""
    scratch: Scratch | None = None
    tree: GroupTree = NO_GROUPS
    python: Interpreter | None = None
    isolation: Isolation | None = None


@cache
def survey(settings: BoxSettings) -> Ground:
    """Find out, once for each way of being set up. Never raises: what is impossible is a finding."""
    if settings.mode == "none":
        return Ground(None, "sandboxes are switched off by LAMBENT_SANDBOX=none")
    try:
        scratch, python = Scratch(settings.scratch), interpreter.find()
        guest_files.prepare(scratch.root, python)
        tree = _tree() if settings.use_groups else NO_GROUPS
        if settings.mode == "unsafe-process":
            return Ground("unsafe-process", "", scratch, tree, python)
        return _isolated(settings, scratch, python, tree)
    except BoxError as error:
        return Ground(None, str(error))


def boxes(ground: Ground, settings: BoxSettings) -> Boxes:
    """What starts them. Raises NoIsolation with the reason where there are none."""
    if ground.tier is None or ground.scratch is None or ground.python is None:
        raise NoIsolation(ground.why)
    if ground.isolation is None:
        return PlainBoxes(ground.scratch, ground.python, ground.tree)
    return IsolatedBoxes(ground.scratch, ground.isolation, ground.tree, _pool(settings, ground.scratch))


def _isolated(settings: BoxSettings, scratch: Scratch, python: Interpreter, tree: GroupTree) -> Ground:
    passable = scratch.root / "python"
    passable.mkdir(mode=0o755, exist_ok=True)
    guest = guest_files.prepare(scratch.root, python)
    isolation = Isolation(tools.find(settings.bwrap, scratch.root), python, guest, passable)
    _try(isolation, _pool(settings, scratch))
    return Ground("bubblewrap", "", scratch, tree, python, isolation)


def _pool(settings: BoxSettings, scratch: Scratch) -> UidPool | None:
    if os.geteuid() != 0:
        return None
    if not uids.usable(settings.first_uid, settings.uid_count):
        raise NoIsolation(
            f"the user ids from {settings.first_uid} on do not exist here"
            f" (LAMBENT_SANDBOX_FIRST_UID names the first of {settings.uid_count} that do)"
        )
    return UidPool(scratch.boxes / _UID_FILE, settings.first_uid, settings.uid_count)


def _try(isolation: Isolation, pool: UidPool | None) -> None:
    """The real thing around the interpreter itself. Raises NoIsolation with what it said."""
    program = [str(isolation.python.path), "-I", "-S", "-c", "pass"]
    with contextlib.ExitStack() as undo:
        uid = pool.take() if pool else None
        undo.callback(uid.release if uid else int)
        launcher = Launcher()
        undo.callback(launcher.close)
        try:
            process, _ = Spawn(program, isolation, _LIMITS, uid.number if uid else None).run(launcher, ())
            undo.callback(reap, process)
            code = process.wait(_PATIENCE_SECONDS)
        except (OSError, StartFailed, subprocess.TimeoutExpired) as error:
            raise NoIsolation(f"bubblewrap does not work here: {error}") from error
        if code:
            raise NoIsolation(f"bubblewrap does not work here: {last_words(process)}")


def _tree() -> GroupTree:
    """The control groups a box can be put into and frozen in; none of them when that fails."""
    try:
        info, own = Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text()
        tree = group_tree.discover(info, own)
        made = groups.make(tree, owners.new_name(), _LIMITS)
    except OSError:
        return NO_GROUPS
    with subprocess.Popen(["/bin/sleep", str(_PATIENCE_SECONDS)]) as child:
        try:
            groups.join(made, child.pid)
            groups.freeze(made)
        except OSError:
            return NO_GROUPS
        finally:
            child.kill()
            groups.kill(made)
            groups.remove(made)
    return tree
