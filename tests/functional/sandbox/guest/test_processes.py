"""Commands: starting, listening, talking, ending."""

import base64
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sandbox.client import GuestProblem, frame, messages
from tests.functional.sandbox.guest.conftest import Guest, Output, bash
from tests.support.patience import PATIENCE

START, CONNECT = "/process.Process/Start", "/process.Process/Connect"


def pids(guest: Guest) -> list[int]:
    return [one["pid"] for one in guest.call("/process.Process/List", {})["processes"]]


def send(guest: Guest, pid: int, number: str = "SIGNAL_SIGKILL") -> None:
    guest.call("/process.Process/SendSignal", {"process": {"pid": pid}, "signal": number})


def give(guest: Guest, pid: int, data: bytes, kind: str = "stdin") -> None:
    body = {"process": {"pid": pid}, "input": {kind: base64.b64encode(data).decode()}}
    guest.call("/process.Process/SendInput", body)


def begin(guest: Guest, command: str, **more: Any) -> tuple[int, Iterator[dict[str, Any]]]:
    """(pid, the events still to come) of a command."""
    events = guest.events(START, bash(command, **more))
    first = next(events)["event"]
    return first["start"]["pid"], events


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_output_and_exit_of_a_command(guest: Guest) -> None:
    done = guest.run("echo out; echo err >&2; exit 7")
    assert (done.bytes_of("stdout"), done.bytes_of("stderr")) == (b"out\n", b"err\n")
    assert done.end == {"exitCode": 7, "exited": True, "status": "exit status 7", "error": "exit status 7"}
    assert guest.run("true").end == {"exitCode": 0, "exited": True, "status": "exit status 0"}


def test_a_killed_command(guest: Guest) -> None:
    status = "signal: killed"
    assert guest.run("kill -9 $$").end == {"exitCode": -1, "exited": False, "status": status, "error": status}
    assert guest.run("kill -TERM $$").end["status"] == "signal: terminated"


def test_output_comes_as_it_is_made(guest: Guest) -> None:
    begun = time.monotonic()
    _, events = begin(guest, "echo a; sleep 1; echo b")
    assert "data" in next(events)["event"]
    assert time.monotonic() - begun < 0.8
    assert base64.b64decode(next(events)["event"]["data"]["stdout"]) == b"b\n"
    list(events)


def test_ten_mebibytes_arrive_whole_in_pieces_of_bounded_size(guest: Guest) -> None:
    done = guest.run("head -c 10485760 /dev/zero | tr '\\0' x; echo end")
    assert done.bytes_of() == b"x" * (10 << 20) + b"end\n"
    sizes = [len(base64.b64decode(event["data"]["stdout"])) for event in done.events if "data" in event]
    assert max(sizes) <= 32 << 10


def test_characters_cut_in_two_come_together_again(guest: Guest) -> None:
    assert guest.run("printf 'x'; for i in {1..40000}; do printf 'é€'; done").text == "x" + "é€" * 40_000


def test_a_slow_reader_loses_nothing(guest: Guest) -> None:
    pid, events = begin(guest, "seq 1 600000")
    time.sleep(1.5)
    assert pid in pids(guest)
    data = (event["event"]["data"]["stdout"] for event in events if "data" in event["event"])
    assert b"".join(base64.b64decode(one) for one in data) == b"".join(b"%d\n" % n for n in range(1, 600_001))


def test_eight_clients_at_once(guest: Guest) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(lambda number: guest.run(f"for i in 1 2 3; do echo {number}; done; exit {number}"), range(8))
        )
    assert [one.text for one in done] == [f"{number}\n" * 3 for number in range(8)]
    assert [one.end["exitCode"] for one in done] == list(range(8))


def test_environment_and_directory(guest: Guest, folder: str) -> None:
    done = guest.run('echo "$A|$HOME|$USER|$LOGNAME"; pwd; [ -n "$PATH" ] && echo path', envs={"A": "ä b"}, cwd=folder)
    home = str(guest.workspace)
    assert done.text.splitlines() == [f"ä b|{home}|user|user", str(guest.root) + folder, "path"]
    assert guest.run("pwd").text.strip() == home
    assert guest.run("pwd", cwd="~").text.strip() == home


def test_long_arguments_are_fine(guest: Guest) -> None:
    process = {"cmd": "/bin/echo", "args": ["-n", "x" * 100_000, "y" * 100_000]}
    done = Output(guest.events(START, {"process": process}))
    assert done.bytes_of() == b"x" * 100_000 + b" " + b"y" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        bash("true", cwd="/no/such"), bash("true", cwd="/etc/passwd"), bash("true", envs={"A": 1}),
        {"process": {"cmd": "no-such-program"}}, {"process": {"cmd": "/etc/passwd"}}, {"process": {}}, {},
        {"process": {"cmd": "a\0b"}}, {"process": {"cmd": "/bin/echo", "args": ["x" * (1 << 22)]}}, {"process": 3},
        {"process": {"cmd": "/bin/echo", "args": ["\ud800"]}}, bash("true", pty={"size": {"cols": -1}}),
    ],
)  # fmt: skip
def test_what_cannot_be_started_is_an_invalid_argument(guest: Guest, body: dict[str, Any]) -> None:
    with pytest.raises(GuestProblem) as caught:
        list(guest.events(START, body))
    assert (caught.value.guest_code, caught.value.guest_status) == ("invalid_argument", 400)
    assert str(guest.root) not in str(caught.value)


def test_users(guest: Guest) -> None:
    def start(user: str) -> int:
        header = "Basic " + base64.b64encode(f"{user}:".encode()).decode()
        with guest.stream(START, bash("true"), authorization=header) as answer:
            answer.read()
            return answer.status_code

    assert [start("user"), start("root"), start("mallory")] == [200, 200, 401]


def test_the_time_limit_kills_the_whole_group(guest: Guest) -> None:
    begun = time.monotonic()
    with guest.stream(START, bash("sleep 61 & echo $!; sleep 62"), **{"connect-timeout-ms": "700"}) as answer:
        held = messages(answer.iter_raw())
        next(held)
        child = int(base64.b64decode(next(held)["event"]["data"]["stdout"]))
        with pytest.raises(GuestProblem) as caught:
            list(held)
    assert caught.value.guest_code == "deadline_exceeded"
    assert 0.6 < time.monotonic() - begun < 3
    assert until(lambda: gone(child))


def test_the_time_limit_holds_without_a_listener(guest: Guest) -> None:
    with guest.stream(START, bash("sleep 63"), **{"connect-timeout-ms": "500"}) as answer:
        pid = next(messages(answer.iter_raw()))["event"]["start"]["pid"]
    assert pid in pids(guest)
    assert until(lambda: gone(pid), 3)


def test_a_client_that_leaves_does_not_end_a_command(guest: Guest, folder: str) -> None:
    with guest.stream(
        START, bash("for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; echo done > mark", cwd=folder)
    ) as answer:
        next(answer.iter_raw())
    assert until((guest.root / folder.lstrip("/") / "mark").exists)


def test_a_second_listener_gets_the_rest_and_the_end(guest: Guest) -> None:
    pid, first = begin(guest, "read line; echo got $line; exit 3", stdin=True)
    second = guest.events(CONNECT, {"process": {"pid": pid}})
    assert next(second) == {"event": {"start": {"pid": pid}}}
    give(guest, pid, b"hello\n")
    for events in (first, second):
        told = [event["event"] for event in events]
        assert base64.b64decode(told[0]["data"]["stdout"]) == b"got hello\n"
        assert told[-1]["end"]["exitCode"] == 3


def test_an_exit_can_be_asked_for_afterwards(guest: Guest) -> None:
    done = guest.run("echo lost; exit 5", tag="kept")
    for selector in ({"pid": done.pid}, {"tag": "kept"}):
        later = Output(guest.events(CONNECT, {"process": selector}))
        assert later.events == [{"start": {"pid": done.pid}}, {"end": done.end}]
    with pytest.raises(GuestProblem, match="not found"):
        list(guest.events(CONNECT, {"process": {"pid": 999_999}}))


def test_lists_show_what_runs(guest: Guest) -> None:
    pid, events = begin(guest, "sleep 64", tag="mine", envs={"A": "b"}, cwd="/workspace")
    listed = [one for one in guest.call("/process.Process/List", {})["processes"] if one["pid"] == pid]
    config = {"cmd": "/bin/bash", "args": ["-c", "sleep 64"], "envs": {"A": "b"}, "cwd": "/workspace"}
    assert listed == [{"pid": pid, "config": config, "tag": "mine"}]
    guest.call("/process.Process/SendSignal", {"process": {"tag": "mine"}, "signal": "SIGNAL_SIGTERM"})
    assert list(events)[-1]["event"]["end"]["status"] == "signal: terminated"
    assert pid not in pids(guest)


def test_a_kill_reaches_the_group_and_other_groups_of_the_session(guest: Guest) -> None:
    pid, events = begin(guest, "set -m; sleep 65 & echo $!; set +m; sleep 66 & echo $!; wait")
    lines = b""
    while lines.count(b"\n") < 2:
        lines += base64.b64decode(next(events)["event"]["data"]["stdout"])
    children = [int(word) for word in lines.split()]
    assert len({os.getpgid(one) for one in children}) == 2
    send(guest, pid)
    assert list(events)[-1]["event"]["end"] == {
        "exitCode": -1, "exited": False, "status": "signal: killed", "error": "signal: killed"
    }  # fmt: skip
    assert until(lambda: all(gone(one) for one in children))
    with pytest.raises(GuestProblem) as caught:
        send(guest, pid)
    assert caught.value.guest_code == "not_found"


def test_only_two_signals_are_known(guest: Guest) -> None:
    pid, events = begin(guest, "sleep 67")
    with pytest.raises(GuestProblem) as caught:
        send(guest, pid, "SIGNAL_SIGSTOP")
    assert caught.value.guest_code == "invalid_argument"
    guest.call("/process.Process/SendSignal", {"process": {"pid": pid}, "signal": 9})
    assert list(events)[-1]["event"]["end"]["exitCode"] == -1


def test_a_child_killed_from_outside_is_told(guest: Guest) -> None:
    pid, events = begin(guest, "sleep 68")
    os.kill(pid, signal.SIGKILL)
    assert list(events)[-1]["event"]["end"]["status"] == "signal: killed"


def test_input_and_its_end(guest: Guest) -> None:
    pid, events = begin(guest, "cat; echo over; sleep 76", stdin=True)
    give(guest, pid, b"one ")
    give(guest, pid, b"two ")
    guest.call("/process.Process/CloseStdin", {"process": {"pid": pid}})
    guest.call("/process.Process/CloseStdin", {"process": {"pid": pid}})
    seen = b""
    while not seen.endswith(b"over\n"):
        seen += base64.b64decode(next(events)["event"]["data"]["stdout"])
    assert seen == b"one two over\n"
    send(guest, pid)
    list(events)


def test_input_as_a_stream_and_more_of_it_than_a_pipe_holds(guest: Guest) -> None:
    pid, events = begin(guest, "sleep 0.3; head -c 300000 | wc -c", stdin=True)
    data = [{"data": {"input": {"stdin": base64.b64encode(b"x" * 100_000).decode()}}}] * 3
    sent = [{"start": {"process": {"pid": pid}}}, *data, {"keepalive": {}}]

    def body() -> Iterator[bytes]:
        yield from map(frame, sent)

    headers = {"content-type": "application/connect+json"}
    answer = guest.http.post("/process.Process/StreamInput", content=body(), headers=headers)
    assert list(messages(iter([answer.content]))) == [{}]
    assert any(base64.b64decode(e["event"]["data"]["stdout"]) == b"300000\n" for e in events if "data" in e["event"])


def test_input_that_is_not_wanted_is_refused(guest: Guest) -> None:
    pid, events = begin(guest, "sleep 69")
    for attempt in (lambda: give(guest, pid, b"x"), lambda: give(guest, pid, b"x", "pty")):
        with pytest.raises(GuestProblem) as caught:
            attempt()
        assert caught.value.guest_code == "failed_precondition"
    with pytest.raises(GuestProblem):
        guest.call("/process.Process/CloseStdin", {"process": {"pid": pid}})
    send(guest, pid)
    list(events)
    with pytest.raises(GuestProblem) as caught:
        give(guest, pid, b"x")
    assert caught.value.guest_code == "not_found"


def test_without_input_a_command_reads_the_end_at_once_and_by_default_it_has_input(guest: Guest) -> None:
    assert guest.run("cat; echo over").text == "over\n"
    body = bash("cat")
    del body["stdin"]
    events = guest.events(START, body)
    pid = next(events)["event"]["start"]["pid"]
    give(guest, pid, b"x")
    assert base64.b64decode(next(events)["event"]["data"]["stdout"]) == b"x"
    send(guest, pid)
    list(events)


def test_silence_is_filled(guest: Guest) -> None:
    with guest.stream(START, bash("sleep 1.5; echo x"), **{"keepalive-ping-interval": "1"}) as answer:
        told = [event["event"] for event in messages(answer.iter_raw())]
    assert [next(iter(event)) for event in told] == ["start", "keepalive", "data", "end"]


def test_a_server_left_behind_neither_delays_the_end_nor_dies(guest: Guest, folder: str) -> None:
    begun = time.monotonic()
    loop = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.25; head -c 20000 /dev/zero; done; echo alive > mark"
    done = guest.run(f"({loop}) & echo started", cwd=folder)
    assert done.bytes_of().startswith(b"started\n")
    assert guest.run("setsid sleep 3 >/dev/null 2>&1 & echo quick").text == "quick\n"
    quiet = guest.run("sleep 3 & echo quiet")
    assert quiet.text == "quiet\n"
    assert until((guest.root / folder.lstrip("/") / "mark").exists)
    assert time.monotonic() - begun < 8


def test_a_terminal(guest: Guest) -> None:
    body = bash("stty size; tty; read x; stty size; echo in=$x; exit 4", pty={"size": {"cols": 90, "rows": 25}})
    events = guest.events(START, body)
    pid = next(events)["event"]["start"]["pid"]
    seen = b""
    while b"/dev/pts" not in seen:
        seen += base64.b64decode(next(events)["event"]["data"]["pty"])
    size = {"cols": 120, "rows": 40}
    guest.call("/process.Process/Update", {"process": {"pid": pid}, "pty": {"size": size}})
    with pytest.raises(GuestProblem):
        give(guest, pid, b"x")
    give(guest, pid, "ä\n".encode(), "pty")
    told = [event["event"] for event in events]
    seen += b"".join(base64.b64decode(one["data"]["pty"]) for one in told if "data" in one)
    assert re.search(rb"25 90\r\n.*40 120\r\nin=\xc3\xa4\r\n", seen, re.DOTALL)
    assert told[-1]["end"]["exitCode"] == 4


def test_control_c_reaches_the_program_in_front(guest: Guest) -> None:
    # The child says that it is ready: what reaches bash just before it runs a program is lost on the program.
    command = "trap 'echo caught; exit 9' INT; sh -c 'echo ready; exec sleep 70'"
    events = guest.events(START, bash(command, pty={"size": {}}))
    pid = next(events)["event"]["start"]["pid"]
    seen = b""
    while b"ready" not in seen:
        seen += base64.b64decode(next(events)["event"]["data"]["pty"])
    give(guest, pid, b"\x03", "pty")
    assert list(events)[-1]["event"]["end"]["exitCode"] == 9


def test_a_small_storm_of_orphans_leaves_no_zombies(guest: Guest) -> None:
    assert guest.run("for i in {1..60}; do (setsid sh -c 'sleep 0.1' >/dev/null 2>&1 &); done; echo ok").text == "ok\n"

    def zombies() -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] == "Z" and int(fields[1]) == guest.process.pid:
                found.append(int(process.name))
        return found

    assert until(lambda: not zombies())
    assert guest.run("exit 6").end["exitCode"] == 6
