"""What every host of computers promises."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from chalicelib.sandbox.client import GuestGone
from chalicelib.sandbox.hosts.base import Handle, Host, Network, SandboxUnavailable
from tests.functional.sandbox.box.inside import Inside, computer

_GUEST = "$(for p in /proc/$PPID /proc/2; do grep -aq run.py $p/cmdline && echo ${p#/proc/}; done | head -1)"


def test_a_computer_answers_and_its_workspace_is_empty(host: Host) -> None:
    with computer(host) as one:
        assert one.answers()
        assert host.condition(one.handle) == "running"
        assert one.run("pwd -P; ls -A").text.splitlines()[1:] == []


def test_commands_see_the_environment_wanted(host: Host) -> None:
    with computer(host, env={"GREETING": "good day", "LINES_OF": "a\nb"}) as one:
        assert one.run('printf "%s|%s|%s" "$GREETING" "$LINES_OF" "$HOME"').text.startswith("good day|a\nb|")


def test_nothing_of_the_servers_environment_is_seen(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBENT_ROOT_KEY", "a-secret-of-the-server")
    with computer(host) as one:
        assert "a-secret-of-the-server" not in one.run("env; cat /proc/self/environ | tr '\\0' '\\n'").text


def test_two_computers_have_files_of_their_own(host: Host) -> None:
    with computer(host) as one, computer(host) as other:
        one.run("echo mine > note")
        assert one.run("cat note").text.strip() == "mine"
        assert other.run("cat note").code != 0


def test_what_is_frozen_stands_still_and_goes_on_where_it_was(host: Host) -> None:
    with computer(host) as one:
        one.run("(while :; do date +%s%N >> ticks; sleep 0.02; done) > /dev/null 2>&1 &")
        one.run("until [ -s ticks ]; do sleep 0.01; done")
        host.freeze(one.handle)
        assert host.condition(one.handle) == "frozen"
        time.sleep(0.6)
        host.thaw(one.handle)
        assert host.condition(one.handle) == "running"
        ticks = [int(line) for line in one.run("sleep 0.2; cat ticks").text.split()]
        gaps = [later - earlier for earlier, later in pairwise(ticks)]
        assert max(gaps) > 500_000_000
        assert gaps[-1] < 500_000_000


def test_what_is_frozen_answers_when_it_is_thawed(host: Host) -> None:
    if host.name == "microvm":
        pytest.skip("a request wakes a MicroVM")
    with computer(host) as one:
        host.freeze(one.handle)
        answered = threading.Event()
        waiting = threading.Thread(target=lambda: (one.run("true"), answered.set()))
        waiting.start()
        assert not answered.wait(0.3)
        host.thaw(one.handle)
        assert answered.wait(10)
        waiting.join()


def test_freezing_and_thawing_twice_is_no_error(host: Host) -> None:
    with computer(host) as one:
        for _ in range(2):
            host.freeze(one.handle)
        for _ in range(2):
            host.thaw(one.handle)
        assert one.answers()


def test_what_was_stopped_is_gone(host: Host) -> None:
    with computer(host) as one:
        one.run("sleep 300 > /dev/null 2>&1 &")
        host.stop(one.handle)
        assert host.condition(one.handle) == "gone"
        with pytest.raises(SandboxUnavailable):
            host.thaw(one.handle)
        with pytest.raises(SandboxUnavailable):
            host.link(one.handle)
        host.freeze(one.handle)
        host.stop(one.handle)


def test_a_frozen_computer_can_be_stopped(host: Host) -> None:
    with computer(host) as one:
        host.freeze(one.handle)
        host.stop(one.handle)
        assert host.condition(one.handle) == "gone"


def test_a_computer_ends_when_its_time_is_over(host: Host) -> None:
    with computer(host, seconds=1) as one:
        assert _becomes_gone(host, one.handle)


def test_many_start_at_once(host: Host) -> None:
    def visit(number: int) -> str:
        with computer(host, env={"NUMBER": str(number)}) as one:
            return one.run("echo $NUMBER").text.strip()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(visit, range(4))) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "data", [{}, {"box": "../../etc"}, {"box": "1-1-1-00000000"}, {"box": "1-1-1-00000000", "boot": "another"}]
)
def test_a_handle_of_nothing_is_a_computer_that_is_gone(host: Host, data: dict[str, str]) -> None:
    stranger = Handle(host.name, data)
    assert host.condition(stranger) == "gone"
    host.freeze(stranger)
    host.stop(stranger)
    with pytest.raises(SandboxUnavailable):
        host.thaw(stranger)
    with pytest.raises(SandboxUnavailable):
        host.link(stranger)


def test_a_guest_that_is_killed_from_inside_ends_its_computer(host: Host) -> None:
    with computer(host) as one:
        with pytest.raises(GuestGone):
            one.run(f"kill -9 {_GUEST}; sleep 5")
        assert _becomes_gone(host, one.handle)


def _becomes_gone(host: Host, handle: Handle) -> bool:
    deadline = time.monotonic() + 10
    while host.condition(handle) != "gone" and time.monotonic() < deadline:
        time.sleep(0.05)
    return host.condition(handle) == "gone"


def test_what_listens_inside_is_reached_unless_it_is_the_machine_that_listens(
    host: Host, request: pytest.FixtureRequest
) -> None:
    apart = "plain" not in request.node.name
    with computer(host) as one, ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as outside:
        one.run("(echo mine > index.html; python3 -m http.server 3000 --bind 127.0.0.1 &) >/dev/null 2>&1")
        one.run("for n in $(seq 600); do (: < /dev/tcp/127.0.0.1/3000) && break; sleep 0.1; done 2>/dev/null")
        told = {port: visit(one, port) for port in (3000, 3128, outside.server_port)}
        assert [port for port, (is_open, _) in told.items() if is_open] == ([3000] if apart else [])
        assert told[3000][1] == (b"mine\n" if apart else b"")


def visit(one: Inside, port: int) -> tuple[bool, bytes]:
    """Whether somebody answers, and what."""
    with one.guest.open("GET", f"/ports/{port}/index.html", headers={"connection": "close"}) as answer:
        return "lambent-port" not in answer.headers, answer.read()


def test_other_network_rules_hold_at_once_where_there_are_rules(host: Host, request: pytest.FixtureRequest) -> None:
    ask = "curl -s -o /dev/null -w '%{http_connect}' -m 5 https://example.invalid/"
    if "plain" in request.node.name:
        with computer(host) as one:
            assert not host.rewire(one.handle, Network("all"))
        return
    with computer(host, network=Network("limited", ("example.net",))) as one:
        assert one.run(ask).text.strip() == "403"
        assert host.rewire(one.handle, Network("limited", ("example.invalid",)))
        assert one.run(ask).text.strip() == "502"
        assert host.rewire(one.handle, Network("none"))
        assert one.run(ask).text.strip() == "403"
    assert not host.rewire(one.handle, Network("all"))
    with computer(host) as one:
        assert not host.rewire(one.handle, Network("all"))
