"""The filter of system calls, run step by step as the kernel would."""

import errno
import platform
import struct

import pytest

from chalicelib.sandbox.box.seccomp import program

_X86, _ARM = 0xC000_003E, 0xC000_00B7
_ALLOWED = 0


def outcome(machine: str, arch: int, number: int, argument: int = 0) -> int:
    """The error a call ends with, 0 when it is let through."""
    raw = program(machine)
    assert raw
    steps = [struct.unpack_from("=HBBI", raw, place) for place in range(0, len(raw), 8)]
    data = struct.pack("=iIQ6Q", number, arch, 0, argument, 0, 0, 0, 0, 0)
    place, held = 0, 0
    while True:
        code, then, otherwise, value = steps[place]
        place += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x15:
            place += then if held == value else otherwise
        elif code == 0x35:
            place += then if held >= value else otherwise
        else:
            assert code == 0x06
            return _ALLOWED if value == 0x7FFF_0000 else value & 0xFFFF


@pytest.mark.parametrize("number", [0, 1, 2, 9, 56, 57, 59, 101, 435])
def test_usual_calls_go_through(number: int) -> None:
    assert outcome("x86_64", _X86, number) == _ALLOWED


@pytest.mark.parametrize(("machine", "arch", "number"), [("x86_64", _X86, 250), ("aarch64", _ARM, 219)])
def test_keys_are_refused(machine: str, arch: int, number: int) -> None:
    assert outcome(machine, arch, number) == errno.EPERM


@pytest.mark.parametrize(("machine", "arch", "call"), [("x86_64", _X86, 41), ("aarch64", _ARM, 198)])
def test_only_usual_families_of_sockets_are_given(machine: str, arch: int, call: int) -> None:
    given = {family for family in range(50) if outcome(machine, arch, call, family) == _ALLOWED}
    assert given == {1, 2, 10, 16}
    assert outcome(machine, arch, call, 40) == errno.EAFNOSUPPORT


def test_other_ways_into_the_kernel_are_not_there() -> None:
    assert outcome("x86_64", 0x4000_0003, 1) == errno.ENOSYS
    assert outcome("x86_64", _X86, 0x4000_0000 + 1) == errno.ENOSYS


def test_machines_that_are_not_known_have_no_filter() -> None:
    assert program("riscv64") is None
    assert (program() is None) == (platform.machine() not in ("x86_64", "aarch64"))
