"""Clients of a stream that do not read it."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.functional.sandbox.guest.conftest import Guest, Output, bash


def test_a_full_stream_holds_up_its_command_only(start_guest: Callable[..., Guest]) -> None:
    guest = start_guest()
    command = bash("head -c 30000000 /dev/zero; echo done > mark")
    with guest.stream("/process.Process/Start", command) as unread:
        time.sleep(1)
        assert not (guest.workspace / "mark").exists()
        assert guest.run("echo free").text == "free\n"
        memory = Path(f"/proc/{guest.process.pid}/statm").read_text().split()[1]
        assert int(memory) * 4096 < 60 << 20
        unread.close()
    end = time.monotonic() + 8
    while not (guest.workspace / "mark").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_held_up_command_still_ends_in_time_and_can_be_killed(start_guest: Callable[..., Guest]) -> None:
    guest = start_guest()
    for headers in ({"connect-timeout-ms": "800"}, {}):
        with guest.stream("/process.Process/Start", bash("cat /dev/zero"), **headers):
            time.sleep(0.4)
            pid = guest.call("/process.Process/List", {})["processes"][0]["pid"]
            if not headers:
                body = {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}
                guest.call("/process.Process/SendSignal", body)
            state = Path(f"/proc/{pid}/stat")
            end = time.monotonic() + 5
            while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
                assert time.monotonic() < end
                time.sleep(0.05)
        end = time.monotonic() + 5
        while guest.call("/process.Process/List", {})["processes"]:
            assert time.monotonic() < end
            time.sleep(0.05)
        later = Output(guest.events("/process.Process/Connect", {"process": {"pid": pid}}))
        assert later.end["status"] == "signal: killed"
