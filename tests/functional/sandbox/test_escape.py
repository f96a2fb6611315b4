"""Attempts to get out of a box: to the host's files, processes and networks, to other boxes, to more power.

Every attempt says what it was refused with, so that one that fails for a reason of its own is not taken for contained.
After each one the box next door must be as it was.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chalicelib.sandbox.box.record import read, socket_of
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.local import LocalHost
from tests.functional.sandbox.box.inside import Inside, computer, isolated, passable

CANARY = f"canary-{secrets.token_hex(8)}"
_PRELUDE = """
import ctypes, errno, fcntl, glob, os, platform, resource, signal, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
def call(x86, arm, *given):
    if libc.syscall(x86 if X86 else arm, *given) < 0:
        raise OSError(ctypes.get_errno(), "refused")
def attempt():
"""
_EPILOGUE = """
try:
    print("ESCAPED", attempt())
except OSError as error:
    print("REFUSED", errno.errorcode.get(error.errno, error))
"""


@dataclass(frozen=True)
class Outside:
    """What there is to be found: files, a process, services, and the box next door."""

    host: LocalHost
    folder: Path
    process: int
    tcp: int
    tcp6: int
    attacker: Inside
    neighbour: Inside

    def box(self, inside: Inside) -> tuple[int, Path]:
        """The first process of a box and its socket, as the host knows them."""
        name = inside.handle.data["box"]
        found = read(self.host._scratch(), name)
        assert found
        return found.pid, socket_of(self.host._scratch(), name)

    def fill(self, text: str) -> str:
        """A program with the facts of this machine in it: an attacker may know them all."""
        pid, place = self.box(self.neighbour)
        for name, number in (("@PROCESS@", self.process), ("@SERVER@", os.getpid()), ("@NEIGHBOUR@", pid)):
            if name in text and self.attacker.run(f"test -e /proc/{number}").code == 0:
                pytest.skip(f"the box has a process {number} of its own")
        facts = {
            "FOLDER": str(self.folder),
            "PROCESS": str(self.process),
            "SERVER": str(os.getpid()),
            "NEIGHBOUR": str(pid),
            "SOCKET": str(place),
            "SCRATCH": str(self.host._scratch().root),
            "TCP4": str(self.tcp),
            "TCP6": str(self.tcp6),
            "ABSTRACT": CANARY,
        }
        for name, value in facts.items():
            text = text.replace(f"@{name}@", value)
        return text


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """A machine full of secrets, with a box to break out of and one beside it."""
    with contextlib.ExitStack() as ends:
        scratch, folder = ends.enter_context(passable()), ends.enter_context(passable())
        host = LocalHost(isolated(BoxSettings(scratch=scratch)))
        ends.callback(host.close)
        folder.chmod(0o755)
        (folder / "secret").write_text(CANARY)
        ends.enter_context(_listening(socket.AF_UNIX, str(folder / "service")))
        ends.enter_context(_listening(socket.AF_UNIX, f"\0{CANARY}"))
        tcp = ends.enter_context(_listening(socket.AF_INET, ("127.0.0.1", 0))).getsockname()[1]
        tcp6 = ends.enter_context(_listening(socket.AF_INET6, ("::1", 0))).getsockname()[1]
        process = ends.enter_context(_process())
        attacker = ends.enter_context(computer(host, env={"OWN": "mine"}))
        neighbour = ends.enter_context(computer(host, env={"SECRET": CANARY}))
        neighbour.run(f"echo {CANARY} > diary; sleep 600 > /dev/null 2>&1 & sleeper=$!")
        yield Outside(host, folder, process, tcp, tcp6, attacker, neighbour)


@pytest.fixture(autouse=True)
def nothing_happened(outside: Outside) -> Iterator[None]:
    """After each attempt everything around the box is as it was, and the box itself can still be used."""
    yield
    assert outside.neighbour.run("echo $(<diary); kill -0 $sleeper && echo sleeps").text.split() == [CANARY, "sleeps"]
    assert (outside.folder / "secret").read_text() == CANARY
    assert Path(f"/proc/{outside.process}/status").exists()
    assert outside.attacker.answers()


FILES = {
    "a file everybody on the host may read": "cat @FOLDER@/secret",
    "by way of the first process' root": "cat /proc/1/root/@FOLDER@/secret",
    "by climbing above the root": "cd /; cat ../../../../../..@FOLDER@/secret",
    "by way of a link": "ln -sfn @FOLDER@/secret out; cat out",
    "by way of an open directory": "for n in 0 1 2 3 4 5 6 7 8 9 10 11; do cat /proc/2/fd/$n/@FOLDER@/secret; done",
    "by way of another process' working directory": "cat /proc/[0-9]*/cwd/../../../..@FOLDER@/secret",
    "by searching for it": "grep -rsl --exclude-dir=proc --exclude-dir=usr canary- / | grep -v /workspace; false",
    "the server's environment": "cat /proc/@SERVER@/environ",
    "any process' environment": "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -i -E 'lambent|aws_|canary'",
    "the places of the boxes": "ls @SCRATCH@/boxes",
    "another box's files": "cat /proc/@NEIGHBOUR@/root/workspace/diary",
    "another box's memory": "head -c 10 /proc/@NEIGHBOUR@/mem",
    "the passwords of the host": "grep -E '^root:[^x]' /etc/shadow /etc/passwd",
    "keys of the host": "ls /etc/ssl/private /root /etc/ssh /var/lib /opt /srv",
    "the system's devices": "ls /sys/class /sys/devices",
    "the kernel's memory": "head -c 10 /proc/kcore",
    "the kernel's log": "dmesg",
    "the devices of disks": "ls /dev/[svx]d* /dev/vd* /dev/nvme* /dev/mem /dev/kmsg",
    "the environment of the first process": "tr '\\0' '\\n' < /proc/1/environ | grep -v ^PATH=",
    "how the first process was started": "tr '\\0' '\\n' < /proc/1/cmdline | grep -E -- 'bind|setenv|@SCRATCH@'",
    "files the first process holds open": "readlink /proc/1/fd/* | grep -v -E '^(/dev/null|pipe:|anon_inode:.eventfd)'",
    "files the guest holds open": "readlink /proc/2/fd/* | grep ^/ | grep -v -E '^/(dev/null|tmp/|workspace|memfd)'",
    "keys of the kernel": "grep . /proc/keys",
    "sockets of others": "grep -E '@ABSTRACT@|/' /proc/net/unix",
    "places in the kernel": "grep -v -m1 '^0000000000000000' /proc/kallsyms",
    "shared memory, queues and semaphores of others": "tail -qn +2 /proc/sysvipc/* | grep .",
    "what runs on the host": "cat /proc/sched_debug /proc/timer_list",
    "the terminals of others": "ls /dev/pts | grep -v -x -E 'ptmx'",
    "what the interpreter's users installed": "ls -A /usr/src /usr/local/src /usr/local/etc | grep -v -E '^(/|$)'",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_outside_cannot_be_read(outside: Outside, name: str) -> None:
    (outside.host._scratch().root / "marker").touch()
    said = outside.attacker.run(f"({outside.fill(FILES[name])})")
    assert said.code not in (0, None), said.text
    assert CANARY not in said.text


_REFUSALS = ("ermission", "Read-only", "not permitted", "busy", "must be root", "Invalid argument")
CHANGES = {
    "the programs of the system": "echo x > /usr/bin/true",
    "the users": "echo 'root2::0:0::/:/bin/sh' >> /etc/passwd",
    "the guest program of the boxes to come": "echo x >> /run/lambent/guest/guest/run.py",
    "a new directory at the top": "mkdir /new",
    "a device in place of another": "rm /dev/null",
    "the program that handles crashes": "echo '|/tmp/x' > /proc/sys/kernel/core_pattern",
    "the magic key": "ls /proc/sysrq-trigger || echo no permission; echo b > /proc/sysrq-trigger",
    "the limits of memory": "echo 1 > /proc/sys/vm/overcommit_memory",
    "its own standing with the memory killer": "echo -1000 > /proc/self/oom_score_adj",
    "a device of its own": "mknod disk b 254 0",
    "who owns a file": "touch mine; chown 0 mine",
    "the host's name": "hostname stolen",
    "the clock": "date -s 2001-01-01",
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_outside_cannot_be_changed(outside: Outside, name: str) -> None:
    said = outside.attacker.run(f"({CHANGES[name]}) 2>&1")
    assert said.code not in (0, None), said.text
    assert any(word in said.text for word in _REFUSALS), said


_DENIED = {"EPERM", "EACCES"}
_ABSENT = {"ENOENT", "ECONNREFUSED", "ESRCH"}
_UNREACHABLE = {"ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"}
CALLS = {
    "a new user namespace": ("call(272, 97, 0x10000000)", _DENIED | {"ENOSPC"}),
    "a new mount namespace": ("call(272, 97, 0x00020000)", _DENIED),
    "a child in a new user namespace": ("call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)", _DENIED | {"ENOSPC"}),
    "the namespaces of the first process": (
        "call(308, 268, os.open('/proc/1/ns/mnt', os.O_RDONLY), 0)",
        _DENIED,
    ),
    "mounting": ("call(165, 40, b'none', b'/tmp', b'tmpfs', 0, 0)", _DENIED),
    "mounting the newer way": ("call(430, 430, b'tmpfs', 0)", _DENIED),
    "making the root writable": ("call(165, 40, b'none', b'/', b'none', 32, 0)", _DENIED),
    "unmounting what hides the host's files": ("call(166, 39, b'/usr/src', 2)", _DENIED),
    "another root": ("os.chroot('/tmp')", _DENIED),
    "turning the root around": ("call(155, 41, b'/tmp', b'/tmp')", _DENIED),
    "a file by its handle": (
        "call(304, 265, 0, struct.pack('iiq', 8, 1, 2), 0)",
        _DENIED,
    ),
    "the user root": ("os.setuid(0)", _DENIED | {"EINVAL"}),
    "the group root": ("os.setgid(0)", _DENIED | {"EINVAL"}),
    "other groups": ("os.setgroups([0])", _DENIED),
    "all capabilities": ("call(126, 91, struct.pack('II', 0x20080522, 0), b'\\xff' * 24)", _DENIED),
    "a file that runs as root": ("os.chown('/workspace', 0, 0)", _DENIED | {"EINVAL"}),
    "keys of the session": ("call(250, 219, 0, -3, 1)", _DENIED),
    "a key of its own": ("call(248, 217, b'user', b'name', b'x', 1, -4)", _DENIED),
    "a program in the kernel": ("call(321, 280, 0, 0, 0)", _DENIED),
    "counters of the processor": ("call(298, 241, 0, 0, -1, -1, 0)", _DENIED),
    "page faults": ("call(323, 282, 0)", _DENIED),
    "the kernel's ring": ("call(425, 425, 8, 0)", _DENIED),
    "a kernel module": ("call(313, 273, 0, b'', 0)", _DENIED),
    "another kernel": ("call(246, 104, 0, 0, 0, 0)", _DENIED),
    "the end of the machine": ("call(169, 142, 0xfee1dead, 672274793, 0x1234567, 0)", _DENIED),
    "swap": ("call(167, 224, b'/workspace', 0)", _DENIED),
    "real time": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))", _DENIED),
    "precedence": ("os.nice(-10)", _DENIED),
    "higher limits": ("resource.prlimit(1, resource.RLIMIT_NPROC, (10**6, 10**6))", _DENIED),
    "locked memory": ("call(325, 284, libc.malloc(1 << 24), 1 << 24, 0)", _DENIED | {"ENOMEM"}),
    "a process of the host": ("os.kill(@PROCESS@, 9)", _ABSENT),
    "the server": ("os.kill(@SERVER@, 9)", _ABSENT),
    "another box": ("os.kill(@NEIGHBOUR@, 9)", _ABSENT),
    "another box's memory by a call": ("call(310, 270, @NEIGHBOUR@, 0, 0, 0, 0, 0)", _ABSENT | _DENIED | {"EINVAL"}),
    "the terminal of the server": ("os.open('/dev/tty', os.O_RDWR)", {"ENXIO"}),
    "a way into the terminal": ("fcntl.ioctl(0, 0x5412, b'x')", {"ENOTTY", "EPERM", "EIO"}),
    "a service on the loopback": ("socket.create_connection(('127.0.0.1', @TCP4@), 3)", _ABSENT),
    "a service on the newer loopback": ("socket.create_connection(('::1', @TCP6@), 3)", _ABSENT),
    "the metadata address": ("socket.create_connection(('169.254.169.254', 80), 3)", _UNREACHABLE),
    "the metadata address of containers": ("socket.create_connection(('169.254.170.2', 80), 3)", _UNREACHABLE),
    "the newer metadata address": (
        "socket.create_connection(('fd00:ec2::254', 80), 3)",
        _UNREACHABLE | {"EADDRNOTAVAIL"},
    ),
    "a private network": ("socket.create_connection(('10.0.0.1', 443), 3)", _UNREACHABLE),
    "the internet": ("socket.create_connection(('192.0.2.1', 443), 3)", _UNREACHABLE),
    "names": ("socket.getaddrinfo('example.com', 443)", set()),
    "datagrams": ("socket.socket(2, 2).sendto(b'x', ('192.0.2.1', 53))", _UNREACHABLE),
    "everybody on the network": (
        "s = socket.socket(2, 2); s.setsockopt(1, 6, 1); s.sendto(b'x', ('255.255.255.255', 9))",
        _UNREACHABLE,
    ),
    "the service's socket": ("socket.socket(socket.AF_UNIX).connect('@FOLDER@/service')", _ABSENT),
    "a socket without a path": ("socket.socket(socket.AF_UNIX).connect(b'\\0@ABSTRACT@')", _ABSENT),
    "another box's socket": ("socket.socket(socket.AF_UNIX).connect('@SOCKET@')", _ABSENT | _DENIED),
    "raw sockets": ("socket.socket(2, 3, 1)", _DENIED),
    "sockets of packets": ("socket.socket(17, 3, 0)", {"EAFNOSUPPORT"}),
    "sockets to the hypervisor": ("socket.socket(40, 1, 0).connect((2, 1024))", {"EAFNOSUPPORT"}),
    "sockets of the kernel's ciphers": ("socket.socket(38, 5, 0)", {"EAFNOSUPPORT"}),
    "bluetooth": ("socket.socket(31, 3, 1)", {"EAFNOSUPPORT"}),
    "a child with a namespace, the newest way": (
        "call(435, 435, struct.pack('QQQQQQQQ', 0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)",
        _DENIED | {"ENOSPC", "ENOSYS"},
    ),
    "a new network": ("call(272, 97, 0x40000000)", _DENIED),
    "other processes' namespaces": ("call(272, 97, 0x20000000)", _DENIED),
    "changing a mount": ("call(442, 442, -100, b'/usr', 0, 0, 0)", _DENIED),
    "a mount to take along": ("call(428, 428, -100, b'/usr', 1)", _DENIED),
    "a queue of messages": ("call(240, 180, b'q', 0o102, 0o600, 0)", {"EMFILE", "ENFILE"} | _DENIED),
    "the root of a process outside": ("os.chdir('/proc/@SERVER@/root')", _ABSENT),
    "another network device": (
        "fcntl.ioctl(socket.socket(2, 2), 0x8914, struct.pack('16sH22x', b'lo', 0))",
        _DENIED,
    ),
    "the namespace of the network outside": ("os.open('/proc/@SERVER@/ns/net', os.O_RDONLY)", _ABSENT),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_gives_power_is_refused(outside: Outside, name: str) -> None:
    body, reasons = CALLS[name]
    program = _PRELUDE + textwrap.indent(outside.fill(body).replace("; ", "\n"), "    ") + _EPILOGUE
    said = outside.attacker.python(program)
    verdict, _, reason = said.text.strip().partition(" ")
    assert verdict == "REFUSED", said.text
    assert not reasons or reason in reasons, said.text


def test_the_calls_of_other_machine_kinds_are_refused(outside: Outside) -> None:
    program = _PRELUDE + "    call(0x40000000 + 39, 10**6)" + _EPILOGUE
    assert outside.attacker.python(program).text.strip() == "REFUSED ENOSYS"


def test_only_the_loopback_is_there_and_it_is_the_boxs_own(outside: Outside) -> None:
    devices = outside.attacker.run("cat /proc/net/dev | tail -n +3 | cut -d: -f1; wc -l < /proc/net/route")
    assert devices.text.split() == ["lo", "1"]
    program = "import socket\ns = socket.create_server(('127.0.0.1', @TCP4@))\nprint('free')"
    assert outside.attacker.python(outside.fill(program)).text.strip() == "free"


def test_only_its_own_processes_are_there(outside: Outside) -> None:
    said = outside.attacker.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "sleep 600" not in said.text
    assert "pytest" not in said.text
    assert str(outside.host._scratch().root) not in said.text


def test_it_has_no_power_and_cannot_get_any(outside: Outside) -> None:
    said = outside.attacker.run("grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status")
    found = dict(line.split(":\t") for line in said.text.splitlines())
    assert {found[name].strip("0") for name in found if name.startswith("Cap")} == {""}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"


def test_programs_of_root_run_as_nobody_special(outside: Outside) -> None:
    said = outside.attacker.run(
        "for p in su mount newgrp passwd; do find /usr/bin/$p -perm -4000; done; cd; cp /bin/id i; chmod 4755 i; ./i -u"
    )
    assert said.text.split()[-1] == "1000"
    assert outside.attacker.run("su -c id < /dev/null").code != 0


def test_every_place_that_can_be_written_to_has_an_end(outside: Outside) -> None:
    said = outside.attacker.run("grep -E ' rw[, ]' /proc/self/mounts")
    for line in said.text.splitlines():
        _, place, kind, options, *_ = line.split()
        assert kind in ("proc", "devpts") or place.startswith("/dev/") or "size=" in options, line


def test_files_and_environment_of_a_box_are_not_in_the_next(outside: Outside) -> None:
    with computer(outside.host) as fresh:
        said = fresh.run("env; find /workspace /tmp /mnt /dev/shm -type f")
        assert CANARY not in said.text
        assert "OWN=" not in said.text
        assert "/workspace/" not in said.text


@contextlib.contextmanager
def _listening(family: int, address: object) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_STREAM) as service:
        service.bind(address)
        if family == socket.AF_UNIX and isinstance(address, str) and not address.startswith("\0"):
            Path(address).chmod(0o777)
        service.listen()
        yield service


@contextlib.contextmanager
def _process() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"], env={"SECRET": CANARY}) as process:
        try:
            yield process.pid
        finally:
            process.kill()
