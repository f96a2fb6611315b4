"""The system calls a box does not get: what is not divided by namespaces, and what only widens the kernel's surface.

The filter is a classic BPF program as the kernel takes it; machines other than those listed run without one.
"""

import errno
import platform
import struct
from dataclasses import dataclass

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO = 0x7FFF_0000, 0x0005_0000
_AT_NUMBER, _AT_ARCH, _AT_FIRST_ARGUMENT = 0, 4, 16
_FOREIGN_ABI = 0x4000_0000
_FAMILIES = (1, 2, 10, 16)
"""Unix, IPv4, IPv6 and netlink sockets. Others reach past the network namespace, as vsock does to a hypervisor."""


@dataclass(frozen=True, slots=True)
class _Machine:
    arch: int
    socket: int
    denied: tuple[int, ...]


_COMMON = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
"""io_uring and the newer ways to mount: the same numbers everywhere."""
# Keys, BPF, performance counters, userfaultfd, file handles, mounting, joining namespaces, modules, kexec, reboot,
# swap, accounting, quotas, the kernel's log, setting the clock, chroot; on x86 also the input and output ports.
_X86_64 = (248, 249, 250, 321, 298, 323, 303, 304, 165, 166, 155, 308, 175, 313, 176, 246, 320, 169)
_X86_64_MORE = (167, 168, 163, 179, 103, 164, 227, 161, 172, 173)
_ARM_64 = (217, 218, 219, 280, 241, 282, 264, 265, 40, 39, 41, 268, 105, 273, 106, 104, 294, 142)
_ARM_64_MORE = (224, 225, 89, 60, 116, 170, 112, 51)
_MACHINES = {
    "x86_64": _Machine(0xC000_003E, 41, _X86_64 + _X86_64_MORE + _COMMON),
    "aarch64": _Machine(0xC000_00B7, 198, _ARM_64 + _ARM_64_MORE + _COMMON),
}


def program(machine: str = "") -> bytes | None:
    """The filter for a machine, this one by default; None where there is none."""
    if (known := _MACHINES.get(machine or platform.machine())) is None:
        return None
    return b"".join(
        (
            _step(_LOAD, _AT_ARCH),
            *_unless_equal(known.arch, errno.ENOSYS),
            _step(_LOAD, _AT_NUMBER),
            *_if_at_least(_FOREIGN_ABI, errno.ENOSYS),
            *(piece for number in known.denied for piece in _if_equal(number, errno.EPERM)),
            *_sockets(known.socket),
            _step(_RETURN, _ALLOW),
        )
    )


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _refuse(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _if_equal(value: int, refusal: int) -> tuple[bytes, bytes]:
    return _step(_IF_EQUAL, value, 0, 1), _refuse(refusal)


def _unless_equal(value: int, refusal: int) -> tuple[bytes, bytes]:
    return _step(_IF_EQUAL, value, 1, 0), _refuse(refusal)


def _if_at_least(value: int, refusal: int) -> tuple[bytes, bytes]:
    return _step(_IF_AT_LEAST, value, 0, 1), _refuse(refusal)


def _sockets(call: int) -> tuple[bytes, ...]:
    """Anything but ``socket`` goes on to the end; of sockets only the families listed do."""
    families = [_step(_IF_EQUAL, family, len(_FAMILIES) - place, 0) for place, family in enumerate(_FAMILIES)]
    skip = 1 + len(families) + 1
    return (_step(_IF_EQUAL, call, 0, skip), _step(_LOAD, _AT_FIRST_ARGUMENT), *families, _refuse(errno.EAFNOSUPPORT))
