"""The command line that puts a program into isolation, from the outside in: limits, an own user, namespaces."""

from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.sandbox.box import filesystem, rlimits
from chalicelib.sandbox.box.interpreter import Interpreter
from chalicelib.sandbox.box.tools import Tools
from chalicelib.sandbox.hosts.base import Limits

_UNSHARE = ("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session", "--clearenv")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BIND_FIRST = 'mount --bind -- "$1" "$2" && shift 2 && exec "$@"'


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Inherited files: bwrap tells its child's id on ``info``, waits for ``gate``, takes the others' content."""

    info: int
    gate: int
    files: dict[str, int] = field(default_factory=dict)
    seccomp: int | None = None

    def all(self) -> list[int]:
        """Every one of them."""
        return [self.info, self.gate, *self.files.values(), *(() if self.seccomp is None else (self.seccomp,))]


@dataclass(frozen=True, slots=True)
class User:
    """Whom a box runs as, and what the system bounds of each of that user's processes."""

    uid: int
    bounds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Isolation:
    """What is the same for all boxes. At ``passable`` a private interpreter is bound before it is bound inside."""

    tools: Tools
    python: Interpreter
    guest: Path
    passable: Path

    def command(self, program: list[str], options: int, user: User | None) -> list[str]:
        """The whole line; ``user`` is None when the server has no power to choose one.

        The options come as a file, for the inside can read the line of its first process.
        """
        inner = [self.tools.bwrap, "--args", str(options), "--", *program]
        if user is None:
            return inner
        return [*self._reach(), *rlimits.command(self.tools.prlimit, user.bounds), *self._drop(user.uid), *inner]

    def _drop(self, uid: int) -> list[str]:
        ids = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
        return [self.tools.setpriv, *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]

    def _reach(self) -> list[str]:
        """A private tree gets a second, passable place that only this box's ancestors see."""
        if not (self.python.tree and self.python.private):
            return []
        unshare = [self.tools.unshare, "--mount", "--propagation", "private", "--"]
        return [*unshare, "/bin/sh", "-c", _BIND_FIRST, "sh", str(self.python.tree), str(self.passable)]

    def options(self, limits: Limits, given: Descriptors) -> bytes:
        """What bwrap is to do, as it reads it from a file."""
        return b"".join(word.encode() + b"\0" for word in self._namespaces(limits, given))

    def _namespaces(self, limits: Limits, given: Descriptors) -> list[str]:
        user = str(filesystem.USER)
        words = [*_UNSHARE, "--uid", user, "--gid", user, "--hostname", "sandbox"]
        words += ["--info-fd", str(given.info), "--block-fd", str(given.gate)]
        words += [*filesystem.system(), "--ro-bind", str(self.guest), filesystem.GUEST, *self._interpreter()]
        for path, fd in given.files.items():
            words += ["--perms", "0444", "--file", str(fd), path]
        if given.seccomp is not None:
            words += ["--seccomp", str(given.seccomp)]
        return words + filesystem.own(limits)

    def _interpreter(self) -> list[str]:
        """The way to it; the commands of a box find it last, after what the system has."""
        if not self.python.tree:
            return ["--setenv", "PATH", _PATH]
        source = self.passable if self.python.private else self.python.tree
        bind = ["--ro-bind", str(source), str(self.python.tree)]
        return [*bind, "--setenv", "PATH", f"{_PATH}:{self.python.path.parent}"]
