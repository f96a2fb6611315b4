"""The product as a user runs it: `lambent dev` in a process of its own, over real HTTP."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60
_UNSET = ("ANTHROPIC_", "OPENAI_", "LAMBENT_", "AWS_")


@dataclass
class Server:
    """One server process. With a ``state`` directory it can be killed and started again on what it kept.

    ``launcher`` are words in front of the command, of a program that becomes the server.
    """

    env: dict[str, str] = field(default_factory=dict)
    state: Path | None = None
    options: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    url: str = ""
    api_key: str = ""
    root_key: str = ""
    pid: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    output: Path = field(default_factory=lambda: Path(tempfile.mkstemp(prefix="lambent-", suffix=".log")[1]))

    def start(self) -> Self:
        """Start and wait until it answers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_UNSET)}
        state = ["--state", str(self.state)] if self.state else ["--ephemeral"]
        command = [sys.executable, "-m", "chalicelib.cli.main", "dev", "--port", "0", "--model", "none", "--json"]
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.launcher, *command, *state, *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=kept | {"LAMBENT_OUTBOUND_ALLOW": "127.0.0.1"} | self.env,
            )
        ready = self._first_line()
        self.url, self.api_key = ready["url"], ready["api_key"]
        self.root_key, self.pid = ready["root_key"], ready["pid"]
        return self

    def _first_line(self) -> dict[str, Any]:
        process = self.process
        assert process is not None
        assert process.stdout is not None
        timer = threading.Timer(READY_SECONDS, process.kill)
        timer.start()
        try:
            line = process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise AssertionError(f"the server did not start:\n{self.log()}")
        ready: dict[str, Any] = json.loads(line)
        return ready

    def log(self) -> str:
        """What the server wrote to standard error."""
        return self.output.read_text(errors="replace")

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As Ctrl-C does."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def restart(self) -> Self:
        """Kill it and start it again."""
        self.kill()
        return self.start()

    def __enter__(self) -> Self:
        return self.start() if self.process is None else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.kill()
        self.output.unlink(missing_ok=True)

    def tenant(self, name: str = "Test") -> str:
        """A new tenant; its API key."""
        body = json.dumps({"name": name}).encode()
        request = urllib.request.Request(
            f"{self.url}/admin/tenants",
            body,
            {"x-api-key": self.root_key, "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            key: str = json.load(answer)["api_key"]["key"]
        return key
