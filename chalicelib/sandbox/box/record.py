"""What is written down of a living box, so that any server of this machine can find it again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from chalicelib.sandbox.box import owners
from chalicelib.sandbox.box.scratch import SOCKET, Scratch

Tier = Literal["bubblewrap", "unsafe-process"]
_FILE = "box.json"


@dataclass(frozen=True, slots=True)
class Record:
    """``pid`` and ``start`` name the process everything in the box descends from, ``groups`` its control groups."""

    name: str
    tier: Tier
    pid: int
    start: int
    groups: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The control groups."""
        return tuple(Path(group) for group in self.groups)

    def lives(self) -> bool:
        """Whether that process still runs."""
        return owners.is_same(self.pid, self.start)


def socket_of(scratch: Scratch, name: str) -> Path:
    """Where a box's guest listens."""
    return scratch.place(name) / SOCKET


def write(scratch: Scratch, record: Record) -> None:
    """Put it down whole or not at all. Raises OSError."""
    place = scratch.place(record.name)
    aside = place / "new"
    aside.write_text(json.dumps(asdict(record)))
    aside.rename(place / _FILE)


def read(scratch: Scratch, name: str) -> Record | None:
    """The record of a box; None when there is no such box here."""
    try:
        found = json.loads((scratch.place(name) / _FILE).read_text())
    except (OSError, ValueError):
        return None
    return Record(**found | {"groups": tuple(found["groups"])})
