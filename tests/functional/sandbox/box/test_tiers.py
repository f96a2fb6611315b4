"""What a host does where isolation is impossible, unwanted, or given up by name."""

from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.sandbox.box.settings import BoxSettings, Mode
from chalicelib.sandbox.box.status import describe
from chalicelib.sandbox.hosts.base import BoxSpec, Handle, Injection, Network, SandboxRefused
from chalicelib.sandbox.hosts.local import LocalHost, _boot
from tests.functional.sandbox.box.inside import SMALL, computer, passable


def refusal(settings: BoxSettings) -> str:
    """What a start is refused with."""
    with closing(LocalHost(settings)) as host, pytest.raises(SandboxRefused) as refused:
        host.start(BoxSpec("tenant", "one", limits=SMALL))
    return refused.value.message


@pytest.mark.parametrize("mode", ["auto", "bubblewrap"])
def test_without_isolation_no_command_runs_and_the_reason_is_told(mode: Mode) -> None:
    with passable() as scratch:
        settings = BoxSettings(mode=mode, scratch=scratch / "s", bwrap=str(scratch / "missing"))
        assert "LAMBENT_BWRAP names" in describe(settings)
        assert "LAMBENT_BWRAP names" in refusal(settings)


def test_a_bubblewrap_that_cannot_isolate_is_none() -> None:
    with passable() as scratch:
        broken = scratch / "bwrap"
        broken.write_text("#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 1 || { echo no namespaces >&2; exit 3; }\n")
        broken.chmod(0o755)
        settings = BoxSettings(scratch=scratch / "s", bwrap=str(broken))
        why = "bubblewrap does not work here: the isolation did not come up: no namespaces (it ended with 3)"
        assert describe(settings) == f"Commands are refused: {why}. What a machine needs is in docs/sandboxes.md."
        assert refusal(settings) == f"this installation runs no commands: {why}"


def test_a_scratch_directory_that_cannot_be_used_is_told() -> None:
    with passable() as scratch:
        (scratch / "s").write_text("a file")
        assert "cannot be used" in describe(BoxSettings(scratch=scratch / "s"))
        assert "cannot be used" in refusal(BoxSettings(mode="unsafe-process", scratch=scratch / "s"))


def test_switched_off_nothing_is_found_either() -> None:
    settings = BoxSettings(mode="none")
    assert "switched off" in refusal(settings)
    with closing(LocalHost(settings)) as host:
        assert host.condition(Handle("local", {"box": "1-1-1-00000000", "boot": _boot()})) == "gone"


@pytest.mark.parametrize(
    "network",
    [
        Network("none"),
        Network("limited", ("example.com",)),
        Network("all", (), (Injection(("example.com",), "secret"),)),
        Network("all", denied=("example.com",)),
    ],
)
def test_a_plain_process_is_given_no_network_that_cannot_be_kept(network: Network) -> None:
    with passable() as scratch, closing(LocalHost(BoxSettings(mode="unsafe-process", scratch=scratch))) as host:
        with pytest.raises(SandboxRefused, match="kept from the network"):
            host.start(BoxSpec("tenant", "one", network=network, limits=SMALL))
        with computer(host) as one:
            assert one.answers()


def test_the_files_of_a_plain_process_go_with_it() -> None:
    with passable() as scratch, closing(LocalHost(BoxSettings(mode="unsafe-process", scratch=scratch))) as host:
        with computer(host) as one:
            one.run("echo x > kept")
            assert len(list(Path(scratch).rglob("kept"))) == 1
        assert list((scratch / "boxes").iterdir()) == []
