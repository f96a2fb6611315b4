"""Whoever is at something that takes its time says so again and again, so that nobody waits long for the dead."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.errors import LambentError
from chalicelib.observability import log_failure, logger
from chalicelib.storage.errors import StorageError


@contextmanager
def beating(beat: Callable[[], object], seconds: float) -> Iterator[None]:
    """Call ``beat`` each so many seconds until the end of the block; one that fails is followed by the next."""
    ended = threading.Event()

    def beats() -> None:
        while not ended.wait(seconds):
            try:
                beat()
            except (LambentError, StorageError, BotoCoreError, ClientError) as error:
                log_failure(logger("sandbox"), "a sign of life failed; the next may succeed", error)

    threading.Thread(target=beats, name="beating", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
