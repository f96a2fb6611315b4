"""What Lambda asks of a MicroVM in the course of its life.

No hook brings or keeps a secret: the image's memory is the same in every MicroVM, and the box with all that belongs
to a tenant comes later, over the endpoint.
"""

import contextlib
import logging
import random
import socket
from collections.abc import Callable
from typing import BinaryIO

from chalicelib.sandbox.box.server_state import OneBox
from chalicelib.sandbox.box.server_wire import Head, NotHttp, answer, pieces_of_body, problem, read_head
from chalicelib.sandbox.hosts.base import BoxSpec, Limits, SandboxError

PREFIX = "/aws/lambda-microvms/runtime/v1/"
_TRIAL = BoxSpec("image", "trial", limits=Limits(memory_mib=256, disk_mib=64, processes=64, cpus=1.0), seconds=60)
_log = logging.getLogger(__name__)


class Hooks:
    """Answers the six hooks for one machine."""

    def __init__(self, box: OneBox) -> None:
        self._box = box
        self._known: dict[str, Callable[[], bytes]] = {
            "ready": self._rehearse,
            "validate": self._rehearse,
            "run": self._run,
            "resume": self._run,
            "suspend": self._nothing,
            "terminate": self._terminate,
        }

    def serve(self, client: socket.socket) -> None:
        """Take the hooks of one connection until the caller leaves."""
        with client:
            try:
                with client.makefile("rb") as source:
                    while (head := read_head(source)) is not None:
                        client.sendall(self._answer(source, head))
            except NotHttp as error:
                _log.debug("something that is not a hook came: %s", error)
                with contextlib.suppress(OSError):
                    client.sendall(problem(400, "invalid_argument", str(error), last=True))
            except OSError as error:
                _log.debug("a caller of hooks left: %s", error)

    def _answer(self, source: BinaryIO, head: Head) -> bytes:
        for _ in pieces_of_body(source, head.length):
            continue
        hook = self._known.get(head.path.removeprefix(PREFIX)) if head.path.startswith(PREFIX) else None
        if hook is None or head.method != "POST":
            return problem(404, "not_found", "there is no such hook")
        return hook()

    def _nothing(self) -> bytes:
        return answer(200, {})

    def _rehearse(self) -> bytes:
        """An image that cannot isolate must not come to be; and what is loaded now is loaded in all its machines."""
        try:
            self._box.rehearse(_TRIAL)
        except SandboxError as error:
            _log.error("a box cannot be made on this image: %s", error)
            return problem(500, "internal", f"a box cannot be made on this image: {error}")
        return answer(200, {})

    def _run(self) -> bytes:
        # The state of this generator came with the snapshot, and is the same on every machine of the image.
        random.seed()
        return answer(200, {})

    def _terminate(self) -> bytes:
        self._box.stop()
        return answer(200, {})
