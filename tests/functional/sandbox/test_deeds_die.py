"""Whoever does something to a sandbox may die at any write, or be refused by storage at any call.

What finished commands wrote is there afterwards, a repeat or the clock brings the deed to its end, and when the sandbox
is removed nothing of it stays.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.settings import Settings
from chalicelib.sandbox import computers as computers_module
from chalicelib.sandbox import store as store_module
from chalicelib.storage.listing import Window
from tests.functional.sandbox.yards import Yard
from tests.support.bundles import stored
from tests.support.mortal import Died, dying, refused

MOST = 80
Deed = Callable[[Yard, str], object]

DEEDS: dict[str, Deed] = {
    "store": lambda yard, one: yard.sync(one),
    "pause": lambda yard, one: yard.services.sandboxes.pause(yard.space, one),
    "pause_files": lambda yard, one: yard.services.sandboxes.pause(yard.space, one, memory=False),
    "wake": lambda yard, one: _woken(yard, one),
    "start_anew": lambda yard, one: _woken(yard, one, memory=False),
    "keep": lambda yard, one: yard.services.sandboxes.snapshot(yard.space, one),
    "fork": lambda yard, one: yard.services.sandboxes.fork(yard.space, one, None),
    "kill": lambda yard, one: yard.services.sandboxes.kill(yard.space, one),
}


def _woken(yard: Yard, sandbox_id: str, memory: bool = True) -> None:
    yard.services.sandboxes.pause(yard.space, sandbox_id)
    yard.services.sandboxes.resume(yard.space, sandbox_id, end_at=None, memory=memory)


@dataclass
class Scene:
    """A sandbox whose last command has ended and is not stored yet, in the hands of a process that lives."""

    yard: Yard
    sandbox: str

    def rest(self, by: Yard, killed: bool) -> None:
        """The clock and a repeat bring the deed to its end: what commands wrote is there; all is removed in the end."""
        by.services.sandboxes.sweep()
        ids = [one.id for one in by.services.sandboxes.page(by.space, Window(10), lambda _: True).items]
        assert killed or self.sandbox in ids
        for one in ids:
            by.services.sandboxes.resume(by.space, one, end_at=None)
            assert by.run(one, "cat a; ls") == (0, "second\na\n")
        for one in ids:
            by.services.sandboxes.kill(by.space, one)
        for snapshot in _snapshots(by):
            by.services.workspaces.delete_snapshot(by.space, snapshot)


def _snapshots(yard: Yard) -> list[str]:
    table = yard.services.table
    rows = table._client.scan(TableName=table.name)["Items"]
    return [row["id"]["S"] for row in rows if row["pk"]["S"].split("#")[2:3] == ["workspace_snapshot"]]


@pytest.fixture
def scenes(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Scene]]:
    """Makes scenes, over storage that is empty in between."""
    monkeypatch.setattr(store_module, "_LEFT_MS", -1)
    monkeypatch.setattr(computers_module, "_CLAIM_MS", 300)

    def make() -> Scene:
        made = yard.create()
        yard.run(made.id, "echo first > a")
        yard.sync(made.id)
        yard.run(made.id, "echo second > a")
        return Scene(yard, made.id)

    return make


def _tried(by: Yard, deed: Deed, sandbox_id: str) -> bool:
    """Whether the process lives to see the deed done, and storage permits it."""
    try:
        deed(by, sandbox_id)
    except (Died, ClientError):
        return False
    return True


@pytest.mark.parametrize("name", DEEDS)
@pytest.mark.parametrize("end", ["dies", "is refused"])
def test_whatever_write_it_ends_at_nothing_is_lost_and_nothing_stays(
    yard: Yard,
    second: Callable[[Yard], Yard],
    scenes: Callable[[], Scene],
    settings: Settings,
    name: str,
    end: str,
) -> None:
    before, survivor = stored(yard.services), second(yard)
    for left in range(MOST):
        scene = scenes()
        ends = Yard(dying(settings, left) if end == "dies" else refused(settings, left), yard.space)
        done = _tried(ends, DEEDS[name], scene.sandbox)
        ends.services.close()
        if not done and name != "kill":
            DEEDS[name](survivor, scene.sandbox)
        scene.rest(survivor, killed=name == "kill")
        assert stored(yard.services) == before, f"after {left}"
        assert yard.services.sandboxes.sweep() == 0
        if done:
            break
    assert 0 < left < MOST - 1
