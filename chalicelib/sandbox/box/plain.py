"""The guest as a plain process of this user: no isolation at all, for operators who ask for it by name."""

import contextlib
import socket

from chalicelib.sandbox.box import groups, guest_files, owners, remains, rlimits
from chalicelib.sandbox.box.errors import NoIsolation, StartFailed
from chalicelib.sandbox.box.group_tree import GroupTree
from chalicelib.sandbox.box.interpreter import Interpreter
from chalicelib.sandbox.box.launch import Box, Wanted, finish, listen
from chalicelib.sandbox.box.launcher import Launcher
from chalicelib.sandbox.box.record import Record
from chalicelib.sandbox.box.scratch import Scratch
from chalicelib.sandbox.box.spawn import reap

_FOLDERS = ("workspace", "mnt/session/uploads", "mnt/session/outputs", "mnt/session/results")
_TIE = (
    "import ctypes,os,signal,sys;c=ctypes.CDLL(None);p=getattr(c,'prctl',None);"
    "p and (p(1,signal.SIGKILL,0,0,0),p(36,1,0,0,0));os.execv(sys.argv[1],sys.argv[1:])"
)
"""Ends with the server, and what its commands leave behind stays below it, where it is found when the box ends."""


class PlainBoxes:
    """Boxes in name only: a directory each, limits where control groups can be had, and an end for all at once."""

    def __init__(self, scratch: Scratch, python: Interpreter, tree: GroupTree) -> None:
        self._scratch = scratch
        self._python = python
        self._tree = tree
        self._launcher = Launcher()

    def close(self) -> None:
        """No more starts; what still runs ends."""
        self._launcher.close()

    def start(self, wanted: Wanted) -> Box:
        """A box whose guest answers. Raises StartFailed."""
        with contextlib.ExitStack() as undo:
            try:
                return self._start(owners.new_name(), wanted, undo)
            except (OSError, NoIsolation) as error:
                raise StartFailed(f"the system refused: {error}") from error

    def _start(self, name: str, wanted: Wanted, undo: contextlib.ExitStack) -> Box:
        listener = listen(self._scratch, name, undo)
        made = groups.make(self._tree, name, wanted.limits)
        undo.callback(groups.remove, made)
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        with listener, theirs:
            words = self._words(name, listener.fileno(), theirs.fileno())
            process = self._launcher.start(words, [listener.fileno(), theirs.fileno()])
        undo.callback(reap, process)
        start = owners.started(process.pid)
        held = Record(name, "unsafe-process", process.pid, start, tuple(str(group) for group in made))
        undo.callback(remains.end, self._scratch, held)
        self._confine(held, wanted)
        return finish(self._scratch, Box(held, process, undo), ours, wanted)

    def _words(self, name: str, listener: int, control: int) -> list[str]:
        root = self._scratch.place(name) / "root"
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True)
        guest = guest_files.prepare(self._scratch.root, self._python)
        words = guest_files.command(self._python, str(guest), listener, control)
        return [str(self._python.path), "-I", "-S", "-c", _TIE, *words, "--root", str(root)]

    def _confine(self, held: Record, wanted: Wanted) -> None:
        """The guest starts nothing before it was told its settings, which comes after this."""
        groups.join(held.paths, held.pid)
        bounds = rlimits.of(wanted.limits, memory=not groups.bounds_memory(held.paths))
        own = {name: value for name, value in bounds.items() if name != "nproc"}
        with contextlib.suppress(PermissionError):
            rlimits.put_on(held.pid, own)
