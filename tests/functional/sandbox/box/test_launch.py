"""Boxes as they come up: their users, limits, files and ways out."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chalicelib.sandbox.box import filesystem, interpreter, owners
from chalicelib.sandbox.box.ground import boxes, survey
from chalicelib.sandbox.box.launch import IsolatedBoxes, Wanted
from chalicelib.sandbox.box.record import read, socket_of
from chalicelib.sandbox.box.scratch import blocked_at
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.box.uids import UidPool
from chalicelib.sandbox.hosts.base import BoxSpec, Handle, Injection, Network, SandboxUnavailable
from chalicelib.sandbox.hosts.local import LocalHost, _boot
from tests.functional.sandbox.box.inside import SMALL, Inside, computer, isolated, passable


class Way:
    """A way out that greets whoever comes, and trusts a bundle."""

    ca_bundle: bytes | None = b"the roots, and one more\n"

    def __init__(self) -> None:
        self.listener: socket.socket | None = None

    def open(self, listener: socket.socket) -> None:
        """Take the box's socket."""
        self.listener = listener

    def greet_one(self) -> None:
        """Serve one connection."""
        assert self.listener
        self.listener.settimeout(10)
        with self.listener.accept()[0] as connection:
            connection.sendall(b"greetings from outside")

    def close(self) -> None:
        """End it."""
        if self.listener:
            self.listener.close()


def needs_root() -> None:
    """Skips the test for ordinary users."""
    if os.geteuid() != 0:
        pytest.skip("only a privileged server gives boxes users of their own")


def pid_of(host: LocalHost, one: Inside) -> int:
    """The first process of a box as this machine numbers it."""
    found = read(host._scratch(), one.handle.data["box"])
    assert found
    return found.pid


def test_each_box_has_a_user_of_its_own(host: LocalHost) -> None:
    needs_root()
    with computer(host) as one, computer(host) as other:
        users = {Path(f"/proc/{pid_of(host, box)}").stat().st_uid for box in (one, other)}
        assert len(users) == 2
        assert all(user >= 0x7000_0000 for user in users)
        assert one.run("id -u; id -un").text.split() == ["1000", "user"]


def test_limits_hold_where_no_control_groups_are_used() -> None:
    with passable() as scratch:
        host = LocalHost(isolated(BoxSettings(scratch=scratch, use_groups=False)))
        with closing(host), computer(host) as one:
            said = one.run("ulimit -Hu -Hn -Hc -Hd; ulimit -Hf")
            assert str(SMALL.processes + 4) in said.text
            assert one.python("bytearray(300 << 20)").code != 0
            host.freeze(one.handle)
            assert host.condition(one.handle) == "frozen"
            host.thaw(one.handle)
            assert one.answers()


def test_the_interpreter_of_the_server_serves_even_from_a_private_place(settings: BoxSettings) -> None:
    ground = survey(settings)
    assert ground.isolation
    assert ground.scratch
    python = interpreter.own()
    isolation = replace(ground.isolation, python=python)
    starter = IsolatedBoxes(ground.scratch, isolation, ground.tree, _pool(settings))
    with closing(starter):
        box = starter.start(Wanted(SMALL))
        with closing(box):
            guest = Path(f"/proc/{box.record.pid}/root")
            assert box.record.lives()
            if python.tree and os.geteuid() == 0:
                assert (guest / python.tree.relative_to("/")).is_dir()
                assert python.private == (blocked_at(python.tree) is not None)


def test_the_way_out_leads_to_the_server_and_the_bundle_lies_in_the_box(settings: BoxSettings) -> None:
    starter = boxes(survey(settings), settings)
    way = Way()
    with closing(starter), closing(starter.start(Wanted(SMALL, egress=way))) as box:
        inside = LocalHost(settings)
        one = Inside(inside, _handle(inside, box.record.name))
        program = "import socket; print(socket.create_connection(('127.0.0.1', 3128), 5).recv(99).decode())"
        with ExitStack() as ends:
            ends.callback(one.guest.close)
            ends.callback(inside.close)
            one.run(f'(python3 -c "{program}" > said) > /dev/null 2>&1 &')
            way.greet_one()
            assert one.run("sleep 0.2; cat said").text.strip() == "greetings from outside"
            assert one.run(f"cat {filesystem.CA_BUNDLE}").text.encode() == way.ca_bundle
            assert one.run(f"echo x >> {filesystem.CA_BUNDLE}").code != 0


def test_a_box_that_does_not_come_up_leaves_nothing(settings: BoxSettings, caplog: pytest.LogCaptureFixture) -> None:
    ground = survey(settings)
    assert ground.isolation
    assert ground.scratch
    broken = replace(ground.isolation, tools=replace(ground.isolation.tools, bwrap="/bin/false"))
    starter = IsolatedBoxes(ground.scratch, broken, ground.tree, _pool(settings))
    host = LocalHost(settings)
    host._boxes = starter
    with closing(host), pytest.raises(SandboxUnavailable, match=r"^no sandbox could be started$"):
        host.start(BoxSpec("tenant", "one", limits=SMALL))
    assert "the isolation did not come up" in caplog.text
    assert {entry.name for entry in ground.scratch.boxes.iterdir()} <= {"uids"}
    mine = f"{os.getpid()}-{owners.started(os.getpid())}-"
    for parent in ground.tree.parents:
        assert [entry.name for entry in parent.glob(f"{mine}*")] == []


def test_closing_a_host_ends_its_boxes_and_takes_no_new_ones(settings: BoxSettings) -> None:
    host = LocalHost(settings)
    spec = BoxSpec("tenant", "one", limits=SMALL)
    handles = [host.start(spec) for _ in range(2)]
    host.close()
    assert [host.condition(handle) for handle in handles] == ["gone", "gone"]
    with pytest.raises(SandboxUnavailable):
        host.start(spec)


def test_what_the_guest_complains_of_never_blocks_it(host: LocalHost) -> None:
    with computer(host) as one:
        one.run("(head -c 300000 /dev/zero | tr '\\0' x > /proc/2/fd/2) > /dev/null 2>&1 &")
        time.sleep(0.1)
        assert one.answers()


def test_sockets_are_closed_to_other_users(host: LocalHost) -> None:
    with computer(host) as one:
        place = socket_of(host._scratch(), one.handle.data["box"])
        assert place.parent.stat().st_mode & 0o777 == 0o700


def _handle(host: LocalHost, name: str) -> Handle:
    return Handle(host.name, {"box": name, "boot": _boot()})


def _pool(settings: BoxSettings) -> UidPool | None:
    scratch = survey(settings).scratch
    assert scratch
    return UidPool(scratch.boxes / "uids", settings.first_uid, settings.uid_count) if os.geteuid() == 0 else None


def test_a_box_with_a_network_reaches_what_is_allowed_through_the_proxy_alone(settings: BoxSettings) -> None:
    host = LocalHost(replace(settings, outbound_allow=("127.0.0.1",)))
    with closing(host), _web() as port, computer(host, network=Network("limited", ("127.0.0.1",))) as one:
        fetch = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/', timeout=5).read().decode())"
        assert one.run(f'env -u NO_PROXY -u no_proxy python3 -c "{fetch}"').text.strip() == "a page"
        assert "refused" in one.run(f'env -u http_proxy -u HTTP_PROXY python3 -c "{fetch}"').text
        elsewhere = fetch.replace("127.0.0.1", "localhost")
        assert "403" in one.run(f'env -u NO_PROXY -u no_proxy python3 -c "{elsewhere}"').text


def test_secrets_to_put_in_come_with_the_authority_to_trust(settings: BoxSettings) -> None:
    host = LocalHost(settings)
    network = Network("limited", ("example.com",), (Injection(("example.com",), "the-secret", "PLACEHOLDER"),))
    with closing(host), computer(host, network=network) as one:
        said = one.run("grep -c BEGIN $SSL_CERT_FILE; env")
        assert int(said.text.split()[0]) > 1
        assert "the-secret" not in said.text


@contextmanager
def _web() -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a page")

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
