"""Workspaces against the laptop's storage: what was taken is there again, at a cost that does not grow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from chalicelib.workspaces import service as module
from chalicelib.workspaces.errors import ComputerReplaced, WorkspaceNotFound
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.service import Moved, WorkspaceService
from chalicelib.workspaces.tree import files_in_order


@dataclass
class Sent:
    """One entry as a scan would bring it."""

    path: str
    data: bytes = b""
    header: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        usual = {"type": "file", "mode": 0o644, "mtime": 5, "size": len(self.data)}
        self.header = usual | dict(self.header)

    def pieces(self, size: int = 1 << 18) -> Iterator[bytes]:
        for start in range(0, len(self.data), size):
            yield self.data[start : start + size]


@dataclass
class Bench:
    """One workspace with a computer over it."""

    service: WorkspaceService
    space: Space = field(default_factory=lambda: Space(new_id()))
    id: str = field(default_factory=new_id)
    boot: str = "boot-1"
    seq: int = 0

    def take(
        self, files: Mapping[str, bytes], removed: tuple[str, ...] = (), seq: int | None = None, run: str = ""
    ) -> Any:
        self.seq = self.seq + 1 if seq is None else seq
        entries = [Sent(f"/workspace/{name}", data) for name, data in files.items()]
        gone = [f"/workspace/{name}" for name in removed]
        return self.service.take(self.space, self.id, self.boot, entries, Finish(self.seq, gone), run)

    def content(self, workspace_id: str | None = None) -> dict[str, bytes]:
        where = workspace_id or self.id
        tree = self.service.tree(self.space, where)
        found = self.service.contents(self.space, where, files_in_order(tree.entries))
        return {path.removeprefix("/workspace/"): b"".join(pieces) for path, _, pieces in found}

    def objects(self, services: Services) -> list[str]:
        return services.objects.keys(self.space.object_key("workspaces", ""), 10**15)


@pytest.fixture
def bench(services: Services) -> Bench:
    made = Bench(services.workspaces)
    made.service.begin(made.space, made.id, made.boot)
    return made


def test_what_was_taken_is_there_for_another_process(bench: Bench, other_process: Services) -> None:
    bench.take({"a.txt": b"one", "dir/b.bin": bytes(range(256)), "empty": b""})
    bench.take({"a.txt": b"two"}, removed=("empty",))
    bench.service = other_process.workspaces
    assert bench.content() == {"a.txt": b"two", "dir/b.bin": bytes(range(256))}


def test_large_and_small_files_keep_their_bytes(bench: Bench) -> None:
    large = bytes(range(256)) * 4096 * 20
    bench.take({"large": large, "small": b"s", "large-too": large[: 2 << 20]})
    assert bench.content() == {"large": large, "small": b"s", "large-too": large[: 2 << 20]}


def test_folders_links_and_modes_are_kept(bench: Bench) -> None:
    entries = [
        Sent("/workspace/d", header={"type": "dir", "mode": 0o700, "mtime": 1}),
        Sent("/workspace/l", header={"type": "symlink", "mode": 0o777, "mtime": 1, "target": "d/x"}),
        Sent("/workspace/d/x", b"#!", {"mode": 0o755}),
    ]
    bench.service.take(bench.space, bench.id, bench.boot, entries, Finish(1, []))
    tree = bench.service.tree(bench.space, bench.id)
    assert [(path, entry.kind, entry.mode) for path, entry in files_in_order(tree.entries)] == [
        ("/workspace/d", "dir", 0o700),
        ("/workspace/l", "symlink", 0o777),
        ("/workspace/d/x", "file", 0o755),
    ]
    assert tree.entries["/workspace/l"].target == "d/x"


def test_content_that_is_there_is_not_stored_again(bench: Bench, services: Services) -> None:
    data = b"the same bytes" * 50_000
    bench.take({"first": data})
    before = _stored_bytes(bench, services)
    bench.take({"copy": data, "moved/first": data}, removed=("first",))
    assert _stored_bytes(bench, services) < before + 2000
    assert bench.content() == {"copy": data, "moved/first": data}


def _stored_bytes(bench: Bench, services: Services) -> int:
    return sum(len(services.objects.get(key)) for key in bench.objects(services))


def test_many_changes_leave_few_layers_and_few_objects(bench: Bench, services: Services) -> None:
    for number in range(300):
        bench.take({f"f{number % 7}": str(number).encode() * 10})
    head = bench.service.head(bench.space, bench.id)
    assert len(head.layers) <= 4
    assert len(bench.objects(services)) <= 12 + 64
    assert bench.content() == {f"f{n % 7}": str(n).encode() * 10 for n in range(293, 300)}


def test_the_cost_of_a_change_does_not_grow_with_the_tree(bench: Bench, services: Services) -> None:
    bench.take({f"many/{number}": str(number).encode() for number in range(3000)})
    before = _stored_bytes(bench, services)
    bench.take({"one": b"more"})
    assert _stored_bytes(bench, services) - before < 600


def test_a_replaced_computer_cannot_write(bench: Bench) -> None:
    bench.take({"a": b"1"})
    bench.service.begin(bench.space, bench.id, "boot-2")
    with pytest.raises(ComputerReplaced):
        bench.take({"a": b"stale"})
    assert bench.content() == {"a": b"1"}


def test_an_older_scan_of_the_same_computer_changes_nothing(bench: Bench) -> None:
    bench.take({"a": b"new"}, seq=5)
    assert bench.take({"a": b"old"}, seq=4).changes == {}
    assert bench.content() == {"a": b"new"}


def test_a_scan_that_meets_another_writer_is_made_anew(bench: Bench, services: Services) -> None:
    bench.take({"a": b"1"})
    objects = set(bench.objects(services))

    class Late(Sent):
        def pieces(self, size: int = 1 << 18) -> Iterator[bytes]:
            bench.take({"b": b"2"})
            yield from super().pieces(size)

    with pytest.raises(Moved):
        bench.service.take(bench.space, bench.id, bench.boot, [Late("/workspace/c", b"3")], Finish(9, []))
    assert bench.content() == {"a": b"1", "b": b"2"}
    assert len(set(bench.objects(services)) - objects) == 1


def test_a_snapshot_a_fork_and_a_restore_cost_a_few_writes(bench: Bench, services: Services) -> None:
    bench.take({f"f{number}": str(number).encode() for number in range(500)})
    objects = bench.objects(services)
    kept = bench.service.snapshot(bench.space, bench.id)
    fork = bench.service.fork(bench.space, bench.id, new_id())
    late_id = new_id()
    assert bench.service.from_snapshot(bench.space, kept.id, late_id)
    late = bench.service.head(bench.space, late_id)
    assert bench.objects(services) == objects
    bench.take({"f0": b"changed", "more": b"more"}, removed=("f1",))
    assert bench.content(fork.id)["f0"] == b"0"
    assert bench.content(late.id)["f1"] == b"1"
    bench.service.restore(bench.space, bench.id, kept.id)
    assert bench.content()["f0"] == b"0"
    assert "more" not in bench.content()


def test_what_others_share_outlives_a_workspace(bench: Bench, services: Services) -> None:
    bench.take({"a": b"1" * 5000, "b": b"2"})
    fork = bench.service.fork(bench.space, bench.id, new_id())
    for number in range(30):
        bench.take({"a": str(number).encode()})
    bench.service.delete(bench.space, bench.id)
    assert bench.content(fork.id) == {"a": b"1" * 5000, "b": b"2"}
    bench.service.delete(bench.space, fork.id)
    assert bench.objects(services) == []
    with pytest.raises(WorkspaceNotFound):
        bench.service.tree(bench.space, fork.id)


def test_another_tenant_finds_nothing(bench: Bench) -> None:
    bench.take({"a": b"1"})
    stranger = replace(bench, space=Space(new_id()))
    with pytest.raises(WorkspaceNotFound):
        stranger.content()


def test_content_that_comes_back_after_it_was_dropped_is_stored_anew(bench: Bench) -> None:
    for content in (b"first" * 100, b"second" * 100, b"third" * 100, b"first" * 100):
        bench.take({"a": content})
    bench.take({"b": b"second" * 100})
    assert bench.content() == {"a": b"first" * 100, "b": b"second" * 100}


def test_what_somebody_left_who_died_over_storing_it_is_removed(
    bench: Bench, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take({"a": b"1"})
    left = bench.space.object_key("workspaces", bench.id, new_id())
    services.objects.put(left, b"of a change that nobody finished")
    monkeypatch.setattr(module, "_COLLECT_EVERY", 1)
    bench.take({"b": b"2"})
    assert left in bench.objects(services), "it may be on its way yet"
    monkeypatch.setattr(module, "_SETTLED_MS", -1000)
    bench.take({"c": b"3"})
    assert left not in bench.objects(services)
    assert bench.content() == {"a": b"1", "b": b"2", "c": b"3"}
