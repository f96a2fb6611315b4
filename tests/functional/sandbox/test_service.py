"""Sandboxes over real computers of this machine: their files outlive every computer, their processes do not."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.sandbox import syncing
from chalicelib.sandbox.client import GuestGone
from chalicelib.sandbox.errors import SandboxFull, SandboxNotFound, SandboxPaused
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services
from chalicelib.workspaces import gathering
from tests.functional.sandbox.yards import Yard, kill_computer
from tests.support.api import wait_for


def test_files_outlive_the_computer_and_processes_do_not(yard: Yard) -> None:
    made = yard.create()
    script = "mkdir -p d && echo kept > d/a.txt && chmod 750 d/a.txt && ln -s d/a.txt l && (sleep 300 & echo $!)"
    code, pid = yard.run(made.id, script)
    assert code == 0
    yard.sync(made.id)
    kill_computer(yard, made.id)
    assert yard.run(made.id, "cat l; stat -c %a d/a.txt; readlink l") == (0, "kept\n750\nd/a.txt\n")
    assert yard.run(made.id, f"kill -0 {pid.strip()} 2>/dev/null; echo $?")[1] == "1\n"


def test_what_was_removed_stays_removed(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "mkdir -p many && cd many && for n in $(seq 50); do echo $n > f$n; done; echo x > ../stays")
    yard.sync(made.id)
    yard.run(made.id, "rm -r ~/many")
    yard.sync(made.id)
    kill_computer(yard, made.id)
    assert yard.run(made.id, "ls /workspace") == (0, "stays\n")


def test_a_server_that_dies_leaves_the_workspace_whole(yard: Yard, second: Callable[[Yard], Yard]) -> None:
    made = yard.create(env={"COLOUR": "teal"}, metadata={"owner": "me"})
    yard.run(made.id, "echo one > a")
    yard.sync(made.id)
    yard.services.close()
    other = second(yard)
    assert other.run(made.id, "cat a; echo $COLOUR") == (0, "one\nteal\n")
    assert other.services.sandboxes.get(yard.space, made.id).metadata == {"owner": "me"}


def test_two_processes_share_one_computer(yard: Yard, second: Callable[[Yard], Yard]) -> None:
    made = yard.create()
    yard.run(made.id, "echo here > /tmp/not-durable")
    other = second(yard)
    assert other.run(made.id, "cat /tmp/not-durable") == (0, "here\n")


def test_what_another_process_removes_or_replaces_stays_so(yard: Yard, second: Callable[[Yard], Yard]) -> None:
    sandbox = yard.create()
    yard.run(sandbox.id, "mkdir /workspace/d; echo a > /workspace/d/a; echo b > /workspace/b; echo c > /workspace/c")
    yard.sync(sandbox.id)
    other = second(yard)
    other.run(sandbox.id, "rm -r /workspace/d; mv /workspace/b /workspace/e")
    other.sync(sandbox.id)
    other.services.sandboxes.pause(other.space, sandbox.id, memory=False)
    other.services.sandboxes.resume(other.space, sandbox.id, end_at=now_ms() + 60_000)
    assert other.run(sandbox.id, "cd /workspace; ls")[1].split() == ["c", "e"]


def test_what_one_process_has_stored_does_not_travel_again_for_another(
    yard: Yard, second: Callable[[Yard], Yard]
) -> None:
    sandbox = yard.create()
    yard.run(sandbox.id, "head -c 5000000 /dev/urandom > /workspace/large")
    yard.sync(sandbox.id)
    other = second(yard)
    other.run(sandbox.id, "echo small > /workspace/small")
    live = other.services.sandboxes.live(other.space, sandbox.id)
    with live.client.open("POST", "/tree/changes", json={"roots": ["/workspace"]}) as answer:
        assert len(answer.read()) < 100_000


def test_many_at_once_start_one_computer(yard: Yard) -> None:
    made = yard.services.sandboxes.ensure(yard.space, SandboxDraft("e2b"))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: yard.services.sandboxes.live(yard.space, made.id).boot, range(8)))
    assert len(set(found)) == 1
    assert yard.services.sandboxes.get(yard.space, made.id).boots == 1


def test_pausing_keeps_processes_and_is_refused_twice(yard: Yard) -> None:
    made = yard.create()
    _, pid = yard.run(made.id, "sleep 300 & echo $!")
    assert yard.services.sandboxes.pause(yard.space, made.id)
    assert not yard.services.sandboxes.pause(yard.space, made.id)
    with pytest.raises(SandboxPaused):
        yard.client(made.id)
    again, was_running = yard.services.sandboxes.resume(yard.space, made.id, end_at=None)
    assert (again.state, was_running) == ("running", False)
    assert yard.run(made.id, f"kill -0 {pid.strip()}; echo $?")[1] == "0\n"


def test_pausing_without_memory_keeps_files_alone(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "echo kept > a; echo lost > /tmp/b")
    yard.services.sandboxes.pause(yard.space, made.id, memory=False)
    assert yard.services.sandboxes.get(yard.space, made.id).computer is None
    yard.services.sandboxes.resume(yard.space, made.id, end_at=None)
    assert yard.run(made.id, "cat a; ls /tmp") == (0, "kept\n")


def test_a_sandbox_whose_time_is_over_is_gone(yard: Yard) -> None:
    made = yard.create(end_at=now_ms() + 60_000)
    yard.services.sandboxes.set_end(yard.space, made.id, now_ms() - 1)
    with pytest.raises(SandboxNotFound):
        yard.services.sandboxes.get(yard.space, made.id)
    assert not yard.services.sandboxes.kill(yard.space, made.id)
    assert yard.services.objects.keys(yard.space.object_key("workspaces", made.id, ""), 10**15) == []


def test_a_sandbox_that_pauses_at_its_end_is_paused(yard: Yard) -> None:
    made = yard.create(end_at=now_ms() + 60_000, on_timeout="pause")
    yard.run(made.id, "echo kept > a")
    yard.services.sandboxes.set_end(yard.space, made.id, now_ms() - 1)
    assert yard.services.sandboxes.get(yard.space, made.id).state == "paused"
    yard.services.sandboxes.resume(yard.space, made.id, end_at=now_ms() + 60_000)
    assert yard.run(made.id, "cat a") == (0, "kept\n")


def test_the_clock_ends_what_nobody_asks_for(yard: Yard) -> None:
    made = yard.create(end_at=now_ms() + 60_000)
    yard.services.sandboxes.set_end(yard.space, made.id, now_ms() - 1)
    assert yard.services.sandboxes.sweep() == 1
    assert Services(yard.services.settings).sandboxes.locate(made.id) is None
    assert yard.services.sandboxes.sweep() == 0


def test_whoever_stores_at_the_same_time_as_others_finds_their_own_stored(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "true")

    def write(number: int) -> bool:
        headers = {"content-type": "application/octet-stream"}
        with yard.client(made.id).open(
            "POST", "/files", params={"path": f"f{number}"}, content=b"1", headers=headers
        ) as answer:
            answer.read()
        yard.sync(made.id)
        return f"/workspace/f{number}" in yard.services.workspaces.tree(yard.space, made.id).entries

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(write, range(48)))


def test_however_many_wait_for_a_computer_that_stands_still_they_wait_as_long_as_one(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "_SECONDS", 1.0)
    made = yard.create()
    yard.run(made.id, "(sleep 0.1; kill -STOP -1) > /dev/null 2>&1 &")
    live = yard.services.sandboxes.live(yard.space, made.id)
    answers = partial(live.client.call, "/search/glob", {"pattern": "*"}, timeout_s=0.3)
    wait_for(lambda: _is_gone(answers), "the computer to stand still")
    begun = time.monotonic()
    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(lambda _: _is_gone(lambda: yard.sync(made.id)), range(24)))
    assert time.monotonic() - begun < 12


def test_more_files_than_a_workspace_may_have_are_refused_and_what_it_has_is_kept(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_ENTRIES", 50)
    made = yard.create()
    yard.run(made.id, "mkdir d && touch d/{1..40}")
    yard.sync(made.id)
    for more in ("touch d/{41..60}", "touch e{1..60}"):
        yard.run(made.id, more)
        with pytest.raises(SandboxFull):
            yard.sync(made.id)
        for copied in (yard.services.sandboxes.snapshot, partial(yard.services.sandboxes.fork, end_at=None)):
            with pytest.raises(SandboxFull):
                copied(yard.space, made.id)
    entries = yard.services.workspaces.tree(yard.space, made.id).entries
    assert set(entries) == {"/workspace/d", *(f"/workspace/d/{number}" for number in range(1, 41))}
    yard.run(made.id, "rm d/{1..30} e*")
    yard.sync(made.id)
    kill_computer(yard, made.id)
    assert yard.run(made.id, "ls d | wc -l") == (0, "30\n")


def test_a_workspace_that_has_too_many_files_already_can_be_made_smaller(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = yard.create()
    yard.run(made.id, "touch {1..90}")
    yard.sync(made.id)
    monkeypatch.setattr(gathering, "MOST_ENTRIES", 50)
    yard.run(made.id, "rm {1..20}; echo new > 90")
    yard.sync(made.id)
    entries = yard.services.workspaces.tree(yard.space, made.id).entries
    assert (len(entries), entries["/workspace/90"].size) == (70, 4)


def _is_gone(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except GuestGone:
        return True
    return False


def test_snapshots_and_forks_have_the_files_and_their_own_future(yard: Yard) -> None:
    made = yard.create()
    yard.run(made.id, "echo first > a")
    kept = yard.services.sandboxes.snapshot(yard.space, made.id)
    fork = yard.services.sandboxes.fork(yard.space, made.id, None)
    yard.run(made.id, "echo second > a")
    yard.sync(made.id)
    late = yard.create(snapshot_id=kept.id)
    assert [yard.run(one, "cat a")[1] for one in (made.id, fork.id, late.id)] == ["second\n", "first\n", "first\n"]
    yard.services.sandboxes.kill(yard.space, made.id)
    kill_computer(yard, fork.id)
    assert yard.run(fork.id, "cat a") == (0, "first\n")


def test_a_fork_lasts_as_long_as_it_was_made_for(yard: Yard) -> None:
    made = yard.create(end_at=now_ms() + 3_600_000, auto_resume=True)
    fork = yard.services.sandboxes.fork(yard.space, made.id, now_ms() + 60_000)
    assert fork.lasts_ms is not None
    assert 0 < fork.lasts_ms <= 60_000


def test_another_tenant_finds_nothing(yard: Yard) -> None:
    made = yard.create()
    stranger = Space(new_id())
    with pytest.raises(SandboxNotFound):
        yard.services.sandboxes.get(stranger, made.id)
    with pytest.raises(SandboxNotFound):
        yard.services.sandboxes.live(stranger, made.id)
    assert not yard.services.sandboxes.kill(stranger, made.id)
    assert yard.services.sandboxes.page(stranger, Window(10), lambda _: True).items == []
    assert yard.services.sandboxes.get(yard.space, made.id).id == made.id


def test_the_environment_is_sealed_in_storage(yard: Yard) -> None:
    made = yard.create(env={"TOKEN": "canary-of-the-env"})
    rows = list(yard.services.table.walk(yard.space.partition("sandbox", made.id)))
    assert rows
    assert "canary-of-the-env" not in repr(rows)
    assert yard.run(made.id, "echo $TOKEN") == (0, "canary-of-the-env\n")


def test_a_file_of_every_kind_comes_back(yard: Yard) -> None:
    made = yard.create()
    script = """
mkdir -p 'a b/ü' closed && printf '\\0\\1\\2' > 'a b/ü/x' && : > empty && head -c 3000000 /dev/urandom > big
sha256sum big > sum && chmod 000 'a b/ü/x' && chmod 500 closed && mkfifo pipe && ln -s nowhere dangling
"""
    assert yard.run(made.id, script)[0] == 0
    yard.sync(made.id)
    kill_computer(yard, made.id)
    check = "sha256sum -c sum; stat -c '%a %s' 'a b/ü/x' empty closed; readlink dangling; ls pipe 2>&1 | wc -l"
    _code, said = yard.run(made.id, check)
    assert said.splitlines()[:2] == ["big: OK", "0 3"]
    assert said.splitlines()[2].endswith(" 0")
    assert said.splitlines()[3].startswith("500 ")
    assert said.splitlines()[4:] == ["nowhere", "1"]


def test_labels_of_files_are_kept(yard: Yard) -> None:
    made = yard.create()
    headers = {"content-type": "application/octet-stream", "x-metadata-owner": "me"}
    with yard.client(made.id).open("POST", "/files", params={"path": "a"}, content=b"1", headers=headers) as answer:
        answer.read()
    yard.sync(made.id)
    kill_computer(yard, made.id)
    entry = yard.client(made.id).call("/filesystem.Filesystem/Stat", {"path": "a"})["entry"]
    assert entry["metadata"] == {"owner": "me"}


def test_a_tenant_that_is_let_in_no_more_has_nothing_going_on(yard: Yard) -> None:
    tenant, _ = yard.services.tenants.create("Stopped")
    yard.space = Space(tenant.id)
    made, left = yard.create(), yard.create()
    yard.run(made.id, "(n=0; while :; do n=$((n+1)); echo $n > n; sleep 0.02; done) > /dev/null 2>&1 &")
    yard.services.tenants.change(tenant.id, status="suspended")
    computers = [yard.services.sandboxes.get(yard.space, one.id).computer for one in (made, left)]
    assert all(computer is not None and computer.frozen for computer in computers)
    yard.services.tenants.change(tenant.id, status="active")
    before = int(yard.read(made.id, "n") or 0)
    deadline = time.monotonic() + 10
    while int(yard.read(made.id, "n") or 0) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
