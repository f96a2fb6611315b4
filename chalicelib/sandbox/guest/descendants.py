"""Which processes a shell has set going, and ending them."""

import os
import signal
from collections.abc import Collection, Iterable
from typing import NamedTuple


class Process(NamedTuple):
    """One line of the process table; ``start`` tells a process from a later one of the same number."""

    pid: int
    parent: int
    session: int
    start: int

    @property
    def mark(self) -> tuple[int, int]:
        """What stays its own for ever."""
        return self.pid, self.start


def living() -> dict[int, Process]:
    """All processes that have not ended, by number."""
    found = (_read(name) for name in os.listdir("/proc") if name.isdigit())
    return {process.pid: process for process in found if process is not None}


def of_shell(pid: int) -> list[Process]:
    """What the shell's session holds and what descends from it, the shell itself not included."""
    table = living()
    return [one for one in table.values() if one.pid != pid and (one.session == pid or pid in _ancestors(one, table))]


def since(pid: int, before: Collection[tuple[int, int]]) -> list[Process]:
    """Of the shell's processes those that are not among ``before`` and do not descend from one of them.

    In the order to signal them: whoever waits for a process hears of an interrupt before that process ends of it, and
    so does the end of a pipeline before its beginning.
    """
    table = living()
    old = {number for number, start in before if number in table and table[number].start == start}
    above = {one: _ancestors(one, table) for one in of_shell(pid) if one.mark not in before}
    new = [one for one, ancestors in above.items() if old.isdisjoint(ancestors)]
    return sorted(new, key=lambda one: (len(above[one]), -one.start, -one.pid))


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Give each of them the signal; one that has ended meanwhile needs none."""
    for process in processes:
        now = _read(str(process.pid))
        if now is not None and now.start == process.start:
            send_to(process.pid, number)


def send_to(pid: int, number: int) -> None:
    """Give one process the signal; none is needed when it has ended."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _ancestors(process: Process, table: dict[int, Process]) -> set[int]:
    found: set[int] = set()
    parent = process.parent
    while parent and parent not in found:
        found.add(parent)
        above = table.get(parent)
        parent = above.parent if above else 0
    return found


def _read(pid: str) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return None
    # The name, in brackets, may hold anything, brackets and blanks too.
    state, parent, _, session, *rest = line[line.rindex(b")") + 2 :].split()
    if state in (b"Z", b"X"):
        return None
    return Process(int(pid), int(parent), int(session), int(rest[15]))
