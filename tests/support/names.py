"""Host names that one program knows and the machine does not: the program sees a hosts file of its own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_MOUNTED = 'mount --bind "$0" /etc/hosts && exec "$@"'
_APART = ("unshare", "--mount", "--propagation", "private")


def can_name() -> bool:
    """Whether this process may give another one a hosts file of its own; that takes root."""
    return os.geteuid() == 0 and not subprocess.run([*_APART, "true"], check=False, capture_output=True).returncode


def naming(folder: Path, names: Mapping[str, str]) -> tuple[str, ...]:
    """The words in front of a command to which these names have these addresses, in place of those of the machine.

    ``folder`` takes the file and must last as long as the program.
    """
    known = {"localhost": "127.0.0.1"} | dict(names)
    hosts = folder / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in known.items()))
    return (*_APART, "sh", "-c", _MOUNTED, str(hosts))
