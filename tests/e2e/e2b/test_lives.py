"""How long sandboxes last: pause, resumption, time limits; and that they are apart from each other."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from e2b import (
    AuthenticationException,
    Sandbox,
    SandboxNotFoundException,
    SandboxNotRunningException,
    SandboxState,
)

from tests.e2e.e2b.conftest import Options
from tests.e2e.e2b.helpers import eventually, is_alive

Create = Callable[..., Sandbox]


def test_a_paused_sandbox_keeps_files_and_processes(sandbox: Sandbox, options: Options) -> None:
    sandbox.files.write("a.txt", "kept")
    handle = sandbox.commands.run("sleep 600", background=True, timeout=0)
    token = sandbox._envd_access_token
    assert sandbox.pause() is True
    assert sandbox.pause() is False
    assert sandbox.get_info().state == SandboxState.PAUSED
    assert not sandbox.is_running()
    for refused in (
        lambda: sandbox.files.read("a.txt"),
        lambda: sandbox.files.write("a.txt", "x"),
        lambda: sandbox.files.list("/workspace"),
        lambda: sandbox.commands.run("true"),
        lambda: sandbox.commands.list(),
    ):
        with pytest.raises(SandboxNotRunningException):
            refused()
    again = Sandbox.connect(sandbox.sandbox_id, **options)
    assert (again.sandbox_id, again._envd_access_token) == (sandbox.sandbox_id, token)
    assert again.is_running()
    assert again.files.read("a.txt") == "kept"
    assert is_alive(again, handle.pid)
    assert sandbox.commands.kill(handle.pid) is True


def test_without_memory_only_files_are_kept(sandbox: Sandbox, options: Options) -> None:
    sandbox.files.write("a.txt", "kept")
    sandbox.commands.run("exec -a staying sleep 600", background=True, timeout=0)
    assert sandbox.pause(mode="filesystem") is True
    again = Sandbox.connect(sandbox.sandbox_id, **options)
    assert again.files.read("a.txt") == "kept"
    assert again.commands.list() == []


def test_a_paused_one_can_be_started_anew(sandbox: Sandbox, options: Options) -> None:
    sandbox.files.write("a.txt", "kept")
    sandbox.commands.run("sleep 600", background=True, timeout=0)
    sandbox.pause()
    again = Sandbox.connect(sandbox.sandbox_id, on_resume="reboot", **options)
    assert again.files.read("a.txt") == "kept"
    assert again.commands.list() == []


def test_a_paused_sandbox_can_be_ended(sandbox: Sandbox) -> None:
    sandbox.pause()
    assert sandbox.kill() is True
    with pytest.raises(SandboxNotFoundException):
        sandbox.get_info()


def test_time_runs_out(create: Create) -> None:
    sandbox = create(timeout=60)
    sandbox.set_timeout(1)
    time.sleep(1.1)
    with pytest.raises(SandboxNotFoundException):
        sandbox.get_info()
    assert not sandbox.is_running()
    with pytest.raises(SandboxNotRunningException):
        sandbox.files.read("a.txt")


def test_time_runs_out_into_a_pause(create: Create, options: Options) -> None:
    sandbox = create(timeout=60, lifecycle={"on_timeout": "pause"})
    sandbox.files.write("a.txt", "kept")
    sandbox.set_timeout(1)
    time.sleep(1.1)
    assert sandbox.get_info().state == SandboxState.PAUSED
    assert Sandbox.connect(sandbox.sandbox_id, **options).files.read("a.txt") == "kept"


def test_traffic_wakes_one_that_allows_it(create: Create) -> None:
    sandbox = create(timeout=60, lifecycle={"on_timeout": "pause", "auto_resume": True})
    sandbox.files.write("a.txt", "kept")
    sandbox.pause()
    assert not sandbox.is_running()
    assert sandbox.files.read("a.txt") == "kept"
    assert sandbox.is_running()
    left = sandbox.get_info().end_at - datetime.now(UTC)
    assert timedelta(seconds=30) < left <= timedelta(seconds=301)


def test_time_can_be_set_and_connecting_only_adds(create: Create, options: Options) -> None:
    sandbox = create(timeout=600)

    def left() -> float:
        return (sandbox.get_info().end_at - datetime.now(UTC)).total_seconds()

    Sandbox.connect(sandbox.sandbox_id, timeout=100, **options)
    assert left() > 500
    Sandbox.connect(sandbox.sandbox_id, timeout=1000, **options)
    assert 900 < left() <= 1000
    sandbox.set_timeout(50)
    assert 40 < left() <= 50


def test_a_frozen_stream_goes_on_when_it_is_resumed(sandbox: Sandbox, options: Options) -> None:
    handle = sandbox.commands.run("for i in 1 2 3 4; do echo $i; sleep 0.3; done", background=True, timeout=0)
    sandbox.pause()
    Sandbox.connect(sandbox.sandbox_id, **options)
    assert handle.wait().stdout == "1\n2\n3\n4\n"


def test_an_end_breaks_what_runs(sandbox: Sandbox) -> None:
    handle = sandbox.commands.run("sleep 600", background=True, timeout=0)
    sandbox.kill()
    with pytest.raises((SandboxNotRunningException, SandboxNotFoundException)):
        handle.wait()


def test_nothing_of_an_ended_one_runs_on(sandbox: Sandbox) -> None:
    mark = uuid.uuid4().hex.encode()

    def runs() -> bool:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                found.append(path.read_bytes())
        return any(mark in line for line in found)

    sandbox.commands.run(f"setsid bash -c 'sleep 600; : {mark.decode()}' >/dev/null 2>&1 &")
    assert eventually(runs)
    sandbox.kill()
    assert eventually(lambda: not runs())


def test_sandboxes_are_apart(create: Create, options: Options) -> None:
    first, second = create(), create()
    first.files.write("a.txt", "mine")
    handle = first.commands.run("sleep 600", background=True, timeout=0)
    assert not second.files.exists("a.txt")
    assert handle.pid not in [one.pid for one in second.commands.list()]
    assert "sleep 600" not in second.commands.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def test_the_token_of_another_sandbox_does_not_admit(create: Create, options: Options) -> None:
    first, second = create(), create()
    first.files.write("a.txt", "mine")
    headers = {"E2b-Sandbox-Id": first.sandbox_id, "X-Access-Token": second._envd_access_token}
    swapped = Sandbox(
        sandbox_id=first.sandbox_id,
        sandbox_domain=None,
        envd_version=first._envd_version,
        envd_access_token=second._envd_access_token,
        connection_config=type(first.connection_config)(**options, extra_sandbox_headers=headers),
    )
    with pytest.raises(AuthenticationException):
        swapped.files.read("a.txt")
    with pytest.raises(AuthenticationException):
        swapped.commands.run("true")
    assert eventually(first.is_running)
