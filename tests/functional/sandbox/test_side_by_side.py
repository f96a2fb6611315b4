"""Several processes of an installation at work over one sandbox: none takes away what another one stored."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from chalicelib.sandbox.client import GuestGone
from chalicelib.storage.errors import ObjectMissing
from tests.functional.sandbox.yards import Yard, kill_computer

Second = Callable[[Yard], Yard]
ROUNDS = 12


def test_what_two_clients_have_done_at_once_is_stored(yard: Yard, second: Second) -> None:
    made, other = yard.create(), second(yard)

    def work(by: Yard, name: str) -> None:
        for turn in range(ROUNDS):
            command = f"echo {turn} > {name}{turn}; echo {name}{turn} >> log; rm -f {name}{turn - 2}"
            for message in by.client(made.id).events(f"/shells/{name}/run", {"command": command, "timeoutMs": 20_000}):
                assert message["event"].get("end", {}).get("exitCode", 0) == 0
            by.sync(made.id)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, by, f"{name}") for name, by in zip("abcd", (yard, other) * 2, strict=True)]:
            done.result()
    kill_computer(yard, made.id)
    names = sorted(f"{name}{turn}" for name in "abcd" for turn in (ROUNDS - 2, ROUNDS - 1))
    assert yard.run(made.id, "ls | grep -v log; wc -l < log") == (0, "\n".join([*names, str(4 * ROUNDS)]) + "\n")


def test_files_can_be_read_at_any_moment_while_computers_come_and_go(yard: Yard, second: Second) -> None:
    made, reader = yard.create(), second(yard)
    yard.run(made.id, "for n in $(seq 200); do echo 0 > f$n; done")
    yard.sync(made.id)
    ended, seen = threading.Event(), list[set[bytes]]()

    def read() -> None:
        workspaces = reader.services.workspaces
        while not ended.is_set():
            tree = workspaces.tree(yard.space, made.id)
            # What was replaced in between may be gone; what is read is whole.
            with suppress(ObjectMissing):
                found = workspaces.contents(yard.space, made.id, list(tree.entries.items()))
                seen.append({b"".join(pieces) for _, entry, pieces in found if entry.kind == "file"})

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for turn in range(1, 6):
            yard.run(made.id, f"for n in $(seq 200); do echo {turn} > f$n; done")
            yard.sync(made.id)
            if turn % 2:
                kill_computer(yard, made.id)
        ended.set()
        reading.result()
    assert seen
    assert all(len(contents) == 1 for contents in seen), "a tree is of one moment"
    assert yard.run(made.id, "cat f* | sort -u") == (0, "5\n")


def test_two_processes_that_both_start_a_computer_leave_one_that_may_write(yard: Yard, second: Second) -> None:
    made, other = yard.create(), second(yard)
    yard.run(made.id, "echo first > a")
    yard.sync(made.id)
    stale = yard.services.sandboxes.live(yard.space, made.id)
    # A process that takes the computer for dead starts another one.
    computers = other.services.sandboxes._computers
    computers._answers = lambda computer: False  # type: ignore[method-assign]
    computers.discard = lambda computer: None  # type: ignore[method-assign]
    assert other.run(made.id, "cat a; echo second > a") == (0, "first\n")
    other.sync(made.id)
    list(stale.client.events("/shells/main/run", {"command": "echo stale > a", "timeoutMs": 5000}))
    with pytest.raises(GuestGone):
        yard.services.sandboxes.sync_live(yard.space, stale)
    assert other.run(made.id, "cat a") == (0, "second\n")
