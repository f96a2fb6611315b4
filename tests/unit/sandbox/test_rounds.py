"""The clock's rounds among sandboxes."""

import threading
import time
from collections import Counter

from chalicelib.sandbox.rounds import Rounds
from chalicelib.storage.keys import Space

LONG = 30.0


def test_all_are_visited_and_a_failure_is_only_its_own() -> None:
    visited: list[tuple[str, str]] = []

    def visit(space: Space, sandbox_id: str) -> None:
        visited.append((space.tenant, sandbox_id))
        if sandbox_id == "0":
            raise OSError("broken")

    due = [(Space(f"t{tenant}"), str(number)) for number in range(3) for tenant in range(40)]
    Rounds(visit).go(due)
    assert Counter(visited) == Counter((space.tenant, number) for space, number in due)


def test_one_that_stands_still_holds_up_neither_the_clock_nor_other_tenants() -> None:
    go_on, visited = threading.Event(), Counter[str]()

    def visit(space: Space, sandbox_id: str) -> None:
        visited[f"{space.tenant} {sandbox_id}"] += 1
        if space.tenant == "slow":
            go_on.wait(LONG)

    rounds = Rounds(visit, seconds=0.2)
    due = [(Space("slow"), "a"), (Space("slow"), "b"), (Space("quick"), "c")]
    begun = time.monotonic()
    rounds.go(due)
    rounds.go(due)
    assert time.monotonic() - begun < LONG / 2
    assert visited == {"slow a": 1, "quick c": 2}
    go_on.set()


def test_a_tenant_is_visited_again_when_its_last_visits_are_over() -> None:
    go_on, visited = threading.Event(), Counter[str]()

    def visit(space: Space, _: str) -> None:
        visited[space.tenant] += 1
        go_on.wait(LONG)

    rounds = Rounds(visit, seconds=0.05)
    rounds.go([(Space("one"), "a")])
    go_on.set()
    until = time.monotonic() + LONG
    while visited["one"] < 2 and time.monotonic() < until:
        rounds.go([(Space("one"), "a")])
    assert visited["one"] >= 2
