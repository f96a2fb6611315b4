"""What the kernel tells of the processes that can be seen."""

import os
from typing import NamedTuple

_ZOMBIE = "Z"


class Row(NamedTuple):
    """One process. Times in clock ticks, of its own and of those it has waited for; memory in pages."""

    pid: int
    state: str
    parent: int
    session: int
    ticks: int
    pages: int

    @property
    def is_zombie(self) -> bool:
        """Whether it ended and nobody has asked how."""
        return self.state == _ZOMBIE


def row(pid: int) -> Row | None:
    """One process; None when there is none of that number."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            said = file.read()
    except OSError:
        return None
    # A program chooses its name, brackets and all; the last one closes it.
    fields = said.rpartition(")")[2].split()
    ticks = sum(int(value) for value in fields[11:15])
    return Row(pid, fields[0], int(fields[1]), int(fields[3]), ticks, int(fields[21]))


def rows() -> list[Row]:
    """All of them."""
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [found for number in numbers if (found := row(number))]


def descendants(root: int) -> list[Row]:
    """All that come from one process, not that itself."""
    children: dict[int, list[Row]] = {}
    for one in rows():
        children.setdefault(one.parent, []).append(one)
    found: list[Row] = []
    waiting = [root]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += [one.pid for one in below]
    return found
