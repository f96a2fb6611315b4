"""The one thread that starts boxes. The kernel ends a box with the thread that forked it, so it must outlive them."""

import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chalicelib.sandbox.box.errors import StartFailed

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Launcher:
    """Starts programs; each lives at most as long as this does."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="box-launcher")

    def start(self, words: Sequence[str], fds: Sequence[int]) -> subprocess.Popen[bytes]:
        """Run a command with nothing but the descriptors given; its errors can be read without waiting.

        Raises OSError and StartFailed.
        """
        try:
            process = self._thread.submit(_popen, words, fds).result()
        except RuntimeError as error:
            raise StartFailed("this process is ending") from error
        if process.stderr is not None:
            os.set_blocking(process.stderr.fileno(), False)
        return process

    def close(self) -> None:
        """End the thread, and with it what it started."""
        self._thread.shutdown()


def _popen(words: Sequence[str], fds: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        pass_fds=fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={"PATH": _PATH},
        start_new_session=True,
    )
