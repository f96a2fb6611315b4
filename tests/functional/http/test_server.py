"""Starting and stopping a server."""

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chalicelib.doors import common
from chalicelib.http.app import create_app
from chalicelib.http.server import CannotListen, PortInUse, serve
from tests.functional.http.client import Site, running
from tests.functional.http.standins import DOOR, StandIns

ROOT = Path(__file__).parents[3]

PROGRAM = """
import threading
from chalicelib.http.app import create_app
from chalicelib.http.server import serve
from tests.functional.http.standins import DOOR, StandIns

def ready(port):
    print(port, flush=True)

serve(create_app(StandIns(), (DOOR,)), "127.0.0.1", 0, ready=ready, stop=threading.Event())
print("ended", flush=True)
"""


def test_a_port_in_use_is_told_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"^Port {port} on 127.0.0.1 is taken by another program; choose [^.]*\.$"):
            serve(create_app(StandIns(), (DOOR,)), "127.0.0.1", port, ready=print, stop=threading.Event())


def test_a_host_that_does_not_exist_is_told() -> None:
    with pytest.raises(CannotListen, match="is not an address"):
        serve(create_app(StandIns(), (DOOR,)), "256.1.1.1", 0, ready=print, stop=threading.Event())


def test_the_port_is_free_again_at_once() -> None:
    services = StandIns()
    app = create_app(services, (common.DOOR, DOOR))
    with running(app, services) as first:
        port = first.port
        first.ask("GET", "/healthz")
    stop, ready = threading.Event(), threading.Event()
    arguments = {"ready": lambda _: ready.set(), "stop": stop}
    again = threading.Thread(target=serve, args=(app, "127.0.0.1", port), kwargs=arguments)
    again.start()
    assert ready.wait(5)
    stop.set()
    again.join(5)


def test_a_request_at_work_is_finished_before_the_end(own_site: Site) -> None:
    replies = []
    asking = threading.Thread(target=lambda: replies.append(own_site.ask("GET", "/t/slow")))
    asking.start()
    time.sleep(0.1)
    own_site.stop.set()
    time.sleep(0.1)
    own_site.services.go_on.set()
    asking.join(5)
    assert replies[0].status == 200


def test_control_c_ends_the_program_at_once_with_a_stream_open_and_without_a_word() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None
        port = int(program.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /t/silent HTTP/1.1\r\nhost: x\r\nx-api-key: key-a\r\n\r\n")
            assert b" 200 " in connection.recv(4096)
            started = time.monotonic()
            program.send_signal(signal.SIGINT)
            told, complaints = program.communicate(timeout=5)
            assert time.monotonic() - started < 1.5
    assert (told, complaints, program.returncode) == ("ended\n", "", 0)
