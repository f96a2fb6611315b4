"""A machine's inside: the box server and all its descendants, as processes of this computer."""

import contextlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

HOOKS_PORT = 9000
HOOK_PREFIX = "/aws/lambda-microvms/runtime/v1/"


class VmProcess:
    """Runs on a loopback address of its own, so that the ports can be those of AWS."""

    def __init__(self, root: Path, log: Path) -> None:
        self.address = f"127.{secrets.randbelow(253) + 2}.{secrets.randbelow(256)}.{secrets.randbelow(253) + 2}"
        # Without site (-S) the only code of ours is the image's.
        command = [sys.executable, "-S", "-m", "chalicelib.sandbox.box.server", "--host", self.address]
        path = os.pathsep.join([str(root), sysconfig.get_paths()["purelib"]])
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LANG": "C.UTF-8"}
        env |= {name: os.environ[name] for name in ("TMPDIR", "LAMBENT_SANDBOX_SCRATCH") if name in os.environ}
        with log.open("ab") as sink:
            self._popen = subprocess.Popen(
                command, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        self._log = log

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def hook(self, name: str, body: dict, seconds: float, *, patience: float = 0.0) -> int:
        """The status of a hook; 0 when nobody answers. While nothing listens it is asked again, for ``patience``."""
        until = time.monotonic() + patience
        while True:
            try:
                connection = http.client.HTTPConnection(self.address, HOOKS_PORT, timeout=seconds)
                with contextlib.closing(connection):
                    connection.request(
                        "POST", HOOK_PREFIX + name, json.dumps(body), {"content-type": "application/json"}
                    )
                    return connection.getresponse().status
            except ConnectionError:
                if time.monotonic() > until or self.ended:
                    return 0
                time.sleep(0.02)
            except OSError:
                return 0

    def freeze(self) -> None:
        stopped: set[int] = set()
        # What is born while the signals go round is found the next time.
        while new := set(self._tree()) - stopped:
            self._send(new, signal.SIGSTOP)
            stopped |= new

    def thaw(self) -> None:
        self._send(reversed(self._tree()), signal.SIGCONT)

    def kill(self) -> None:
        self.freeze()
        self._send(self._tree(), signal.SIGKILL)
        self._popen.wait(10)

    def _tree(self) -> list[int]:
        """Every process of the machine, parents first."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    children.setdefault(parent, []).append(int(entry.name))
        found = [self._popen.pid] if not self.ended else []
        for pid in found:
            found.extend(children.get(pid, []))
        return found

    @staticmethod
    def _send(pids: object, number: int) -> None:
        for pid in pids:  # type: ignore[attr-defined]
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
