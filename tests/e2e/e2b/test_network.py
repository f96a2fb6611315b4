"""What a sandbox reaches is changed while it runs."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from e2b import Sandbox, SandboxException

from tests.e2e.e2b.helpers import is_alive

Create = Callable[..., Sandbox]
_EVERYTHING = "0.0.0.0/0"


@pytest.fixture
def outside() -> Iterator[int]:
    """The port of a server that says hello, and then nothing more for as long as it is listened to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    one = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=greet, args=(one,), daemon=True).start()

        def greet(one: socket.socket) -> None:
            with one:
                one.recv(65_536)
                one.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello\n")
                one.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


_PROGRAM = """
import http.client, sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=600)
    print(answer.status, answer.readline().decode(), end="", flush=True)
    if len(sys.argv) > 2:
        answer.read()
except urllib.error.HTTPError as error:
    print(error.code)
except (OSError, http.client.HTTPException):
    print("broken off")
"""
_ASK = "no_proxy= NO_PROXY= python3 ask.py http://127.0.0.1:"


def told(sandbox: Sandbox, port: int) -> str:
    """The status of a request to the outside, and the first line of what came."""
    sandbox.files.write("/workspace/ask.py", _PROGRAM)
    return sandbox.commands.run(f"{_ASK}{port}/").stdout


def test_other_rules_hold_at_once_and_processes_live_on(create: Create, outside: int) -> None:
    sandbox = create(network={"deny_out": [_EVERYTHING], "allow_out": ["127.0.0.1"], "mask_request_host": "x.example"})
    assert told(sandbox, outside) == "200 hello\n"
    following = sandbox.commands.run(f"{_ASK}{outside}/ on", background=True, timeout=0)
    assert next(iter(following))[0] == "200 hello\n"
    sleeper = sandbox.commands.run("sleep 600", background=True, timeout=0)
    sandbox.update_network({"deny_out": [_EVERYTHING]})
    assert following.wait().stdout.endswith("broken off\n")
    assert told(sandbox, outside) == "403\n"
    assert is_alive(sandbox, sleeper.pid)
    network = sandbox.get_info().network
    assert network is not None
    assert network["mask_request_host"] == "x.example"
    assert "allow_out" not in network or network["allow_out"] == []
    sandbox.update_network({"allow_internet_access": False, "allow_out": ["127.0.0.1"]})
    assert told(sandbox, outside) == "200 hello\n"


def test_rules_of_a_paused_sandbox_hold_when_it_goes_on(create: Create, outside: int) -> None:
    sandbox = create(network={"deny_out": [_EVERYTHING], "allow_out": ["127.0.0.1"]})
    sandbox.pause()
    sandbox.update_network({"deny_out": [_EVERYTHING]})
    sandbox.connect()
    assert told(sandbox, outside) == "403\n"
    sandbox.pause(mode="filesystem")
    sandbox.update_network({"deny_out": [_EVERYTHING], "allow_out": ["127.0.0.1"]})
    sandbox.connect()
    assert told(sandbox, outside) == "200 hello\n"


def test_what_was_started_without_a_way_out_gets_none(create: Create) -> None:
    sandbox = create(allow_internet_access=False)
    with pytest.raises(SandboxException, match="network it was started with") as refused:
        sandbox.update_network({"allow_out": ["example.com"]})
    assert refused.value.status_code == 409
    with pytest.raises(SandboxException, match="only names of hosts"):
        sandbox.update_network({"allow_out": ["10.0.0.0/8"]})
