"""A box from nothing to a guest that answers."""

import contextlib
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.sandbox.box import control, filesystem, groups, guest_files, owners, record, remains
from chalicelib.sandbox.box.errors import NoIsolation, StartFailed
from chalicelib.sandbox.box.group_tree import GroupTree
from chalicelib.sandbox.box.isolation import Isolation
from chalicelib.sandbox.box.launcher import Launcher
from chalicelib.sandbox.box.record import Record
from chalicelib.sandbox.box.scratch import Scratch
from chalicelib.sandbox.box.spawn import Spawn, complaints, last_words, reap
from chalicelib.sandbox.box.uids import UidPool
from chalicelib.sandbox.hosts.base import Limits

_READY_SECONDS = 10.0
_WAITING_CONNECTIONS = 128


class Egress(Protocol):
    """The way out of one box. ``ca_bundle`` is what the inside has to trust, None when the system's roots will do."""

    ca_bundle: bytes | None

    def open(self, listener: socket.socket) -> None:
        """Serve the connections that arrive on the box's socket; takes it over."""
        ...

    def close(self) -> None:
        """End it, opened or not."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is peculiar to one box. Without ``egress`` it has no way out at all; with it, it is closed with the box."""

    limits: Limits
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    egress: Egress | None = None


@dataclass(slots=True)
class Box:
    """A box whose guest is ready, as the server that started it holds it."""

    record: Record
    process: subprocess.Popen[bytes]
    release: contextlib.ExitStack

    def complaints(self) -> bytes:
        """What it said on its standard error since the last time, at most some; never waits."""
        return complaints(self.process)

    def close(self) -> None:
        """End it and let go of all that belongs to it; doing so twice is no error."""
        self.release.close()


class Boxes(Protocol):
    """What starts boxes of one kind."""

    def start(self, wanted: Wanted) -> Box:
        """A box whose guest answers. Raises StartFailed."""
        ...

    def close(self) -> None:
        """No more starts; what still runs ends."""
        ...


class IsolatedBoxes:
    """Boxes behind namespaces, under users of their own where the server has the power to choose."""

    def __init__(self, scratch: Scratch, isolation: Isolation, tree: GroupTree, uids: UidPool | None) -> None:
        self._scratch = scratch
        self._isolation = isolation
        self._tree = tree
        self._uids = uids
        self._launcher = Launcher()

    def close(self) -> None:
        """No more starts; what still runs ends."""
        self._launcher.close()

    def start(self, wanted: Wanted) -> Box:
        """A box whose guest answers. Raises StartFailed."""
        with contextlib.ExitStack() as undo:
            if wanted.egress:
                undo.callback(wanted.egress.close)
            try:
                return self._start(owners.new_name(), wanted, undo)
            except (OSError, NoIsolation) as error:
                raise StartFailed(f"the system refused: {error}") from error

    def _start(self, name: str, wanted: Wanted, undo: contextlib.ExitStack) -> Box:
        number = self._uid(undo)
        listener = listen(self._scratch, name, undo)
        made = groups.make(self._tree, name, wanted.limits)
        undo.callback(groups.remove, made)
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        undo.callback(theirs.close)
        program = self._program(listener.fileno(), theirs.fileno(), wanted)
        ca_bundle = wanted.egress.ca_bundle if wanted.egress else None
        spawn = Spawn(program, self._isolation, wanted.limits, number, made, ca_bundle)
        process, pid = spawn.run(self._launcher, (listener, theirs))
        undo.callback(reap, process)
        held = Record(name, "bubblewrap", pid, owners.started(pid), tuple(str(group) for group in made))
        undo.callback(remains.end, self._scratch, held)
        return finish(self._scratch, Box(held, process, undo), ours, wanted)

    def _uid(self, undo: contextlib.ExitStack) -> int | None:
        if self._uids is None:
            return None
        uid = self._uids.take()
        undo.callback(uid.release)
        return uid.number

    def _program(self, listener: int, control_end: int, wanted: Wanted) -> list[str]:
        guest_files.prepare(self._scratch.root, self._isolation.python)
        words = guest_files.command(self._isolation.python, filesystem.GUEST, listener, control_end)
        return [*words, *(["--egress"] if wanted.egress else [])]


def listen(scratch: Scratch, name: str, undo: contextlib.ExitStack) -> socket.socket:
    """The socket a guest will answer on, in the box's own place, made here too."""
    scratch.make(name)
    undo.callback(scratch.remove, name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    undo.callback(listener.close)
    listener.bind(str(record.socket_of(scratch, name)))
    listener.listen(_WAITING_CONNECTIONS)
    return listener


def finish(scratch: Scratch, box: Box, ours: socket.socket, wanted: Wanted) -> Box:
    """Settings in, readiness out, the way outwards opened, all of it written down. Raises StartFailed and OSError."""
    ours.settimeout(_READY_SECONDS)
    try:
        control.tell(ours, wanted.env)
        outward = control.await_ready(ours)
    except StartFailed as error:
        raise StartFailed(f"{error}: {last_words(box.process)}") from error
    if wanted.egress:
        if outward is None:
            raise StartFailed("the guest did not open its way out")
        wanted.egress.open(outward)
    elif outward is not None:
        outward.close()
    record.write(scratch, box.record)
    return Box(box.record, box.process, box.release.pop_all())
