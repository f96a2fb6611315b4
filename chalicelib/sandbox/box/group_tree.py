"""Where control groups can be made here: version 1, version 2, or both side by side with the controllers divided."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

FAMILY = "lambent"
CONTROLLERS = ("memory", "pids", "cpu")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted hierarchy; ``controllers`` are those of version 1 and empty for version 2."""

    path: Path
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class GroupTree:
    """The directories below which a box gets a group each: version 2's, and version 1's by controller."""

    unified: Path | None = None
    divided: tuple[tuple[str, Path], ...] = ()

    @property
    def parents(self) -> tuple[Path, ...]:
        """All of them, each once (controllers may share a hierarchy)."""
        unified = (self.unified,) if self.unified else ()
        return tuple(dict.fromkeys((*unified, *(path for _, path in self.divided))))

    def controllers(self) -> frozenset[str]:
        """What is limited by them."""
        below = self.unified / "cgroup.subtree_control" if self.unified else None
        unified = below.read_text().split() if below and below.exists() else []
        return frozenset((*unified, *(name for name, _ in self.divided))) & {*CONTROLLERS}


NO_GROUPS = GroupTree()


def discover(mountinfo: str, membership: str) -> GroupTree:
    """What can be made, by the texts of /proc/self/mountinfo and /proc/self/cgroup. Makes the parents."""
    mounts = _mounts(mountinfo)
    unified = next((_unified(one.path, _own_group(membership)) for one in mounts if one.version == 2), None)
    divided: list[tuple[str, Path]] = []
    for controller in (*CONTROLLERS, *(() if unified else ("freezer",))):
        mount = next((one.path for one in mounts if controller in one.controllers), None)
        if mount and (parent := _made(mount / FAMILY)):
            divided.append((controller, parent))
    return GroupTree(unified, tuple(divided))


def _mounts(mountinfo: str) -> list[Mount]:
    found = []
    for line in mountinfo.splitlines():
        front, _, back = line.partition(" - ")
        kind, _, options = back.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            names = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
            found.append(Mount(Path(front.split()[4]), 2 if kind == "cgroup2" else 1, names))
    return found


def _own_group(membership: str) -> str:
    lines = (line.split(":", 2) for line in membership.splitlines())
    return next((path.lstrip("/") for number, _, path in lines if number == "0"), "")


def _unified(mount: Path, own: str) -> Path | None:
    """The best parent: at the top, else next to our own group or in it, wherever most controllers can be had."""
    places = dict.fromkeys((mount, (mount / own).parent if own else mount, mount / own))
    made = [(_enabled(place), parent) for place in places if (parent := _made(place / FAMILY))]
    return max(made, key=lambda one: one[0])[1] if made else None


def _enabled(place: Path) -> int:
    """Hand the controllers down to the groups of boxes; how many of them arrive."""
    for folder in (place, place / FAMILY):
        for controller in CONTROLLERS:
            with contextlib.suppress(OSError):
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")
    with contextlib.suppress(OSError):
        return len({*CONTROLLERS} & {*(place / FAMILY / "cgroup.subtree_control").read_text().split()})
    return 0


def _made(path: Path) -> Path | None:
    try:
        path.mkdir(exist_ok=True)
    except OSError:
        return None
    return path
