"""The official environment worker: in a thread of the test, and in a process of its own that can be killed."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class WorkerThread:
    """One worker, polling until the context ends."""

    def __init__(self, url: str, environment: str, key: str, workdir: Path, max_idle: float = 1) -> None:
        self._what = (url, environment, key, str(workdir), max_idle)
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(_serve(*self._what))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the worker did not stop"


class WorkerProcess:
    """One worker, polling until it is killed."""

    def __init__(self, url: str, environment: str, key: str, workdir: Path, max_idle: float = 1) -> None:
        self._command = [sys.executable, "-m", "tests.support.environment_worker", url, environment, key]
        self._command += [str(workdir), str(max_idle)]
        self._output = Path(tempfile.mkstemp(prefix="worker-", suffix=".log")[1])
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Away from the server's and the test's own variables, which the client would read.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
        root = Path(__file__).parents[2]
        with self._output.open("wb") as log:
            self._process = subprocess.Popen(self._command, stderr=log, env=kept, cwd=root)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.send(signal.SIGCONT)
        self.kill()

    def send(self, how: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def log(self) -> str:
        """What it wrote."""
        return self._output.read_text(errors="replace")


async def _serve(url: str, environment: str, key: str, workdir: str, max_idle: float) -> None:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(base_url=url, api_key="not-used") as client:
        work = client.beta.environments.work
        worker = work.worker(environment_id=environment, environment_key=key, workdir=workdir, max_idle=max_idle)
        await worker.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    url, environment, key, workdir, max_idle = sys.argv[1:]
    asyncio.run(_serve(url, environment, key, workdir, float(max_idle)))
