"""Any history of changes, forks, snapshots, restores and removals leaves each workspace as a dictionary would be."""

import random

import pytest

from chalicelib.core.ids import new_id
from chalicelib.wiring import Services
from tests.functional.workspaces.test_service import Bench

NAMES = [f"f{number}" for number in range(12)] + ["d/one", "d/two"]
CONTENTS = [bytes([number]) * (number * 97) for number in range(10)]


@pytest.mark.parametrize("seed", range(4))
def test_a_workspace_is_a_dictionary_with_a_past(services: Services, seed: int) -> None:
    chance = random.Random(seed)
    first = Bench(services.workspaces)
    first.service.begin(first.space, first.id, first.boot)
    lives: dict[str, tuple[Bench, dict[str, bytes]]] = {first.id: (first, {})}
    kept: dict[str, tuple[str, dict[str, bytes]]] = {}
    for _ in range(60):
        bench, files = lives[chance.choice(list(lives))]
        deed = chance.random()
        if deed < 0.75:
            _change(bench, files, chance)
        elif deed < 0.83 and len(lives) < 4:
            fork = bench.service.fork(bench.space, bench.id, new_id())
            lives[fork.id] = (_over(bench, fork.id), dict(files))
        elif deed < 0.89:
            made = bench.service.snapshot(bench.space, bench.id)
            kept[made.id] = (bench.id, dict(files))
        elif deed < 0.94 and kept:
            snapshot_id, (_, was) = chance.choice(list(kept.items()))
            late_id = new_id()
            bench.service.from_snapshot(bench.space, snapshot_id, late_id)
            late = bench.service.head(bench.space, late_id)
            lives[late.id] = (_over(bench, late.id), dict(was))
        elif deed < 0.97 and kept:
            snapshot_id = chance.choice(list(kept))
            bench.service.delete_snapshot(bench.space, snapshot_id)
            del kept[snapshot_id]
        elif len(lives) > 1:
            bench.service.delete(bench.space, bench.id)
            del lives[bench.id]
    for bench, files in lives.values():
        bench.service = Services(services.settings).workspaces
        assert bench.content() == files
    for bench, _ in list(lives.values()):
        bench.service.delete(bench.space, bench.id)
    for snapshot_id in kept:
        first.service.delete_snapshot(first.space, snapshot_id)
    assert first.objects(services) == []


def _over(bench: Bench, workspace_id: str) -> Bench:
    bench.service.begin(bench.space, workspace_id, "boot-1")
    return Bench(bench.service, bench.space, workspace_id)


def _change(bench: Bench, files: dict[str, bytes], chance: random.Random) -> None:
    written = {name: chance.choice(CONTENTS) for name in chance.sample(NAMES, chance.randint(0, 4))}
    removed = tuple(name for name in chance.sample(NAMES, 2) if name in files and name not in written)
    bench.take(written, removed)
    files.update(written)
    for name in removed:
        del files[name]
