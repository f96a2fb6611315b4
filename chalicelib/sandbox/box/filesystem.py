"""What a box sees of files, as arguments of bwrap: the system read-only, little of /etc, and memory of limited size."""

import os
import stat
from pathlib import Path

from chalicelib.sandbox.box.scratch import blocked_at
from chalicelib.sandbox.hosts.base import Limits

USER = 1000
GUEST = "/run/lambent/guest"
CA_BUNDLE = "/etc/lambent/ca.pem"
_FOLDERS = (
    "/etc",
    "/etc/lambent",
    "/etc/pki",
    "/etc/pki/tls",
    "/etc/ssl",
    "/home",
    "/mnt",
    "/run",
    "/run/lambent",
    "/var",
)
"""Those bwrap would make on the way to others, but closed to all but their owner."""
_MIB = 1024 * 1024
_TMP, _OLD_TMP, _SHARED = "/tmp", "/var/tmp", "/dev/shm"  # noqa: S108 - places inside the box
_SHARED_MEMORY_MIB = 64
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_MASKED = ("/usr/src", "/usr/local/src", "/usr/local/etc")
"""Below /usr, yet not the system's: programs and their settings are put there by people."""
_ETC = (
    "alternatives",
    "ca-certificates.conf",
    "fonts",
    "ld.so.cache",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
)
ETC_FILES = {
    "/etc/passwd": f"root:x:0:0:root:/root:/bin/bash\nuser:x:{USER}:{USER}:user:/workspace:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": f"root:x:0:\nuser:x:{USER}:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
    "/etc/hostname": "sandbox\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
    "/etc/resolv.conf": "",
}


def system() -> list[str]:
    """/usr and the ways into it, and of /etc what programs need to find libraries, time zones and certificates."""
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in _masked():
        words += ["--size", "4096", "--perms", "0555", "--tmpfs", folder, "--remount-ro", folder]
    for folder in _FOLDERS:
        words += ["--perms", "0755", "--dir", folder]
    for name in _TOP:
        words += _same(Path("/", name))
    for name in _ETC:
        words += _same(Path("/etc", name))
    return words


def own(limits: Limits) -> list[str]:
    """What belongs to the box. The root is closed last; nothing that can be written to is without a size."""
    disk = limits.disk_mib * _MIB
    shared = min(_SHARED_MEMORY_MIB * _MIB, disk)
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(shared), "--tmpfs", _SHARED, "--remount-ro", "/dev"),
        *("--perms", "0755", "--size", str(disk), "--tmpfs", "/workspace"),
        *("--perms", "0755", "--size", str(max(disk // 2, _MIB)), "--tmpfs", "/mnt/session"),
        *(word for name in ("uploads", "outputs", "results") for word in ("--dir", f"/mnt/session/{name}")),
        *("--perms", "0755", "--size", str(max(disk // 2, _MIB)), "--tmpfs", "/mnt/memory"),
        *("--perms", "1777", "--size", str(max(disk // 2, _MIB)), "--tmpfs", _TMP),
        *("--symlink", _TMP, _OLD_TMP, "--symlink", "/workspace", "/home/user"),
        *("--remount-ro", "/", "--chdir", "/workspace"),
    ]


def _masked() -> list[str]:
    """The places to hide, the server's own working directory among them when it lies below /usr."""
    here = Path.cwd()
    if here.is_relative_to("/usr") and len(here.parts) > 3 and not here.is_relative_to("/usr/src"):
        return [*(folder for folder in _MASKED if Path(folder).is_dir()), str(here)]
    return [folder for folder in _MASKED if Path(folder).is_dir()]


def _same(path: Path) -> list[str]:
    """The same thing inside: a link as a link, else bound read-only; nothing when it is not for everybody's eyes."""
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    if path.exists() and _is_public(path):
        return ["--ro-bind", str(path), str(path)]
    return []


def _is_public(path: Path) -> bool:
    return blocked_at(path) is None and bool(path.stat().st_mode & stat.S_IROTH)


def sealed(data: bytes) -> int:
    """A file in memory holding ``data``, ready to be read; the caller closes it."""
    fd = os.memfd_create("lambent")
    os.pwrite(fd, data, 0)
    return fd
