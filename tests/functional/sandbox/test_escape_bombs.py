"""Attempts to use up what everybody shares: memory, processes, disk, descriptors, processors, and the server's own.

Each bomb gets a box of its own. While it goes off the box next door must answer, and afterwards all is as before.
"""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.client import GuestGone, GuestProblem
from chalicelib.sandbox.hosts.base import Limits
from chalicelib.sandbox.hosts.local import LocalHost
from tests.functional.sandbox.box.inside import Inside, Said, computer, isolated, limited_memory, passable

LIMITS = Limits(memory_mib=64, disk_mib=16, processes=40, cpus=0.5)
_MIB = 1024 * 1024
_MOST = (LIMITS.memory_mib + LIMITS.disk_mib) * _MIB
"""What a box may take of the machine's memory, in bytes."""


@pytest.fixture(scope="module")
def settings() -> Iterator[BoxSettings]:
    """Isolation with a scratch directory of its own."""
    with passable() as scratch:
        yield isolated(BoxSettings(scratch=scratch))


@pytest.fixture(scope="module")
def host(settings: BoxSettings) -> Iterator[LocalHost]:
    """One server."""
    one = LocalHost(settings)
    yield one
    one.close()


@pytest.fixture(scope="module")
def neighbour(host: LocalHost) -> Iterator[Inside]:
    """The box next door."""
    with computer(host) as one:
        one.run("echo quiet > diary")
        yield one


class Watch:
    """Looks in next door all the while; ``slowest`` is how long it had to wait at most, in seconds."""

    def __init__(self, neighbour: Inside) -> None:
        self._neighbour = neighbour
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.slowest = 0.0
        self.failed = ""

    def _look(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                said = self._neighbour.run("cat diary")
                self.failed = self.failed or ("" if said.text == "quiet\n" else said.text or "nothing")
            except (GuestGone, GuestProblem) as error:
                self.failed = repr(error)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self._over.wait(0.1)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@contextlib.contextmanager
def bombed(host: LocalHost, neighbour: Inside) -> Iterator[Inside]:
    """A box to blow up. Next door has to be served all along, and nothing stays of the box."""
    with computer(host, limits=LIMITS) as one:
        with Watch(neighbour) as watch:
            yield one
        assert watch.failed == ""
        assert watch.slowest < 8
        host.stop(one.handle)
        assert host.condition(one.handle) == "gone"
    assert neighbour.answers()


def run(one: Inside, command: str, seconds: float = 1.5) -> Said | None:
    """A command that may take its box down with it."""
    try:
        return one.run(command, seconds=seconds)
    except (GuestGone, GuestProblem):
        return None


def python(*lines: str) -> str:
    """A program as a command."""
    return "python3 -I -c '" + "\n".join(lines) + "'"


BOMBS = {
    "processes": "bomb() { bomb | bomb & }; bomb; sleep 0.5",
    "processes that leave their session": "for i in $(seq 300); do setsid -f sleep 30; done",
    "the dead nobody buries": python("import os", "for _ in range(300):", "  os.fork() or os._exit(0)"),
    "threads": python(
        "import threading, time", "for _ in range(300): threading.Thread(target=time.sleep, args=(9,)).start()"
    ),
    "processors": "for i in 1 2 3 4; do (while :; do :; done) & done; sleep 1",
    "descriptors": python("import os", "while True: os.dup(0)"),
    "pipes full of data": python(
        "import os", "while True:", "  r, w = os.pipe()", "  os.set_blocking(w, False)", "  os.write(w, bytes(65536))"
    ),
    "watchers": python(
        "import ctypes, time",
        "libc = ctypes.CDLL(None)",
        "while (n := libc.inotify_init()) >= 0: libc.inotify_add_watch(n, bytes([47]), 2)",
        "time.sleep(0.5)",
    ),
    "descriptors on their way": python(
        "import array, socket",
        "last, held = socket.socket(), []",
        "for _ in range(3000):",
        "  a, b = socket.socketpair()",
        "  a.sendmsg([bytes(1)], [(1, 1, array.array(chr(105), [last.fileno()]))])",
        "  last.close()",
        "  last = b",
        "  held = held[-50:] + [a]",
    ),
    "sockets full of data": python(
        "import socket",
        "held = []",
        "while True:",
        "  held += (pair := socket.socketpair())",
        "  pair[0].setblocking(False)",
        "  pair[0].send(bytes(200000))",
    ),
    "output": "timeout 1 yes | head -c 200000000",
    "its own death": "kill -9 -1",
    "signals to its first process": "for s in 1 2 3 9 15 19; do kill -$s 1; done; sleep 0.5",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_hurts_its_own_box_alone(host: LocalHost, neighbour: Inside, name: str) -> None:
    with bombed(host, neighbour) as one:
        run(one, BOMBS[name])
    with computer(host) as fresh:
        assert fresh.run("echo well").text == "well\n"


_HOLD = python("import time", "held = bytearray(30 << 20)", "time.sleep(1)")
MEMORY = {
    "a process": python("held = []", "while True: held.append(bytearray(1 << 20))"),
    "many processes": f"for i in 1 2 3 4 5 6; do {_HOLD} & done; wait",
    "files without names": python(
        "import os", "while True:", "  file = os.memfd_create(str(1))", "  os.write(file, bytes(1 << 20))"
    ),
    "shared memory": "for i in $(seq 100); do ipcmk -M 8388608; done; "
    + python(
        "import ctypes",
        "libc = ctypes.CDLL(None)",
        "libc.shmat.restype = ctypes.c_void_p",
        "for i in range(200):",
        "  place = libc.shmat(i, None, 0)",
        "  place and place != 2**64 - 1 and ctypes.memset(place, 1, 8 << 20)",
    ),
    "every place for files": "for d in /workspace /tmp /mnt/session /dev/shm; do head -c 99M /dev/zero > $d/f; done",
    "files with nothing in them": "mkdir many; cd many; "
    + python("n = 0", "while True:", "  n += 1", "  open(str(n), str.lower(chr(87))).close()"),
}


@pytest.mark.parametrize("name", MEMORY)
def test_no_more_memory_is_taken_than_allowed(
    settings: BoxSettings, host: LocalHost, neighbour: Inside, name: str
) -> None:
    limited_memory(settings)
    with bombed(host, neighbour) as one, _peak(one) as used:
        run(one, MEMORY[name])
    # How much of what files held is counted depends on what the kernel keeps of them just then.
    assert LIMITS.disk_mib * _MIB < used() <= _MOST


def test_the_disk_of_a_box_is_full_when_it_is(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        said = run(one, "head -c 100M /dev/zero > big; stat -c %s big")
        assert said
        assert "No space left" in said.text or "File size limit" in said.text
        assert int(said.text.split()[-1]) <= LIMITS.disk_mib * _MIB
        assert run(one, "rm big; echo room > note && cat note").text.split()[-1] == "room"  # type: ignore[union-attr]


def test_files_of_any_nominal_size_are_refused(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        said = run(one, "truncate -s 1T sparse; echo $?; fallocate -l 1G solid; echo $?")
        assert said
        assert "0" not in said.text.split()


def test_nothing_of_a_box_lands_on_the_disk_of_the_host(host: LocalHost, neighbour: Inside) -> None:
    before = shutil.disk_usage(host._scratch().root).used
    with bombed(host, neighbour) as one:
        run(one, "head -c 12M /dev/urandom > data; sync")
        found = [path for path in host._scratch().root.rglob("*") if path.is_file() and path.stat().st_size > _MIB]
        assert found == []
    assert shutil.disk_usage(host._scratch().root).used - before < 1024 * _MIB


def test_no_dump_is_left_by_a_crash(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        said = run(one, "sleep 9 & kill -SEGV $!; wait $!; echo $?; ls -A")
        assert said
        assert said.text.split()[-1] == "139"


def test_more_output_than_is_kept_is_counted_not_held(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        said = run(one, "head -c 30000000 /dev/zero | tr '\\0' x", 15.0)
        assert said
        assert len(said.text) <= 101_000


THIEF = """
import ctypes, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
if os.fork(): os._exit(0)
os.setsid()
time.sleep(0.3)
guest = next(int(p) for p in os.listdir('/proc') if p.isdigit() and p != '1'
             and b'run.py' in open(f'/proc/{p}/cmdline', 'rb').read())
held = libc.syscall(434, guest, 0)
stolen = [libc.syscall(438, held, n, 0) for n in range(3, 40)]
stolen = [fd for fd in stolen if fd >= 0 and 'socket:' in os.readlink(f'/proc/self/fd/{fd}')]
found = [socket.socket(fileno=fd) for fd in stolen]
listener = next(s for s in found if s.family == socket.AF_UNIX and s.getsockopt(1, 30))
os.kill(guest, 19)
while True:
    c, _ = listener.accept()
    try:
        c.sendall(ANSWER)
        for _ in range(200): c.sendall(MORE)
        c.close()
    except OSError: pass
"""
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\n\r\n"
ANSWERS: dict[str, tuple[bytes, bytes]] = {
    "endless headers": (b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 65536 + b"\r\n"),
    "no protocol at all": (b"\x00\xff" * 100, b"\x00" * 1024),
    "a broken length": (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", b"x"),
    "a connection that closes": (b"", b""),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "another protocol from here on": (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", b"x"),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", b"xxxxx"),
    "a head in a header": (b"HTTP/1.1 200 OK\r\nx: a\nHTTP/1.1 204 No Content\r\n\r\n", b""),
    "chunks of no size": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"ffffffffffffffffff\r\n"),
    "a message without end": (_STREAM, b"\x00\xff\xff\xff\xff" + b"x" * 65536),
    "a message nested without end": (_STREAM + b"\x00\x00\x03\x20\x00", b"[" * 4096),
    "a message that is no object": (_STREAM, b"\x00\x00\x00\x00\x01[]"),
    "a message about nothing": (_STREAM, b"\x00\x00\x00\x00\x02{}"),
    "an error that is none": (_STREAM, b"\x02\x00\x00\x00\x0d" + b'{"error":"x"}'),
    "a refusal without end": (b"HTTP/1.1 500 No\r\ncontent-type: application/json\r\n\r\n", b"[" * 65536),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_one_who_answers_in_the_guests_place_is_only_a_broken_sandbox(
    host: LocalHost, neighbour: Inside, name: str
) -> None:
    """Everything in a box is of one kind, so its guest can be taken over; the server must not mind."""
    answer, more = ANSWERS[name]
    with bombed(host, neighbour) as one:
        program = THIEF.replace("ANSWER", repr(answer)).replace("MORE", repr(more))
        run(one, f"cat > thief.py <<'END'\n{program}\nEND\npython3 thief.py > /dev/null 2>&1; sleep 0.2")
        time.sleep(0.6)
        stranger = Inside(host, one.handle)
        with contextlib.closing(stranger.guest):
            with pytest.raises((GuestGone, GuestProblem)):
                _ = [happened.exit_code for happened in stranger.guest.process("/shells/x/run", {}, silence_s=4)]
            with pytest.raises((GuestGone, GuestProblem)):
                stranger.guest.call("/search/glob", {}, timeout_s=4)
        assert host.condition(one.handle) == "running"


def test_frozen_and_thawed_in_the_middle_of_a_bomb(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        run(one, "(bomb() { bomb | bomb & }; bomb) > /dev/null 2>&1; sleep 0.2")
        host.freeze(one.handle)
        assert host.condition(one.handle) == "frozen"
        host.thaw(one.handle)
        assert host.condition(one.handle) == "running"


def test_a_box_that_stops_itself_can_be_seen_and_ended(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        run(one, "(sleep 0.2; kill -STOP -1) > /dev/null 2>&1 &")
        time.sleep(0.5)
        stranger = Inside(host, one.handle)
        with contextlib.closing(stranger.guest), pytest.raises(GuestGone):
            stranger.guest.call("/shells/usual/run", {"command": "true"}, timeout_s=0.3)
        assert host.condition(one.handle) == "running"


def test_a_box_that_ends_itself_is_gone(host: LocalHost, neighbour: Inside) -> None:
    with bombed(host, neighbour) as one:
        run(one, "kill -9 -1")
        deadline = time.monotonic() + 5
        while host.condition(one.handle) != "gone" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert host.condition(one.handle) == "gone"


@contextlib.contextmanager
def _peak(one: Inside) -> Iterator[Callable[[], int]]:
    """The most memory the box's group had meanwhile, as the kernel tells it."""
    from chalicelib.sandbox.box.record import read

    host = one.host
    assert isinstance(host, LocalHost)
    found = read(host._scratch(), one.handle.data["box"])
    assert found
    most = 0
    over = threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(0.02):
            for group in found.paths:
                for name in ("memory.max_usage_in_bytes", "memory.current", "memory.peak"):
                    with contextlib.suppress(OSError):
                        most = max(most, int((group / name).read_text()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: most
    finally:
        over.set()
        thread.join()
