"""The program of a MicroVM: makes the box its host asks for and passes everything else on to the guest in it.

``python3 -m chalicelib.sandbox.box.server`` as root. Nobody but the MicroVM's endpoint reaches its ports: the endpoint
has checked a credential by then, and what runs in the box has a network of its own.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from chalicelib.sandbox.box.server_hooks import Hooks
from chalicelib.sandbox.box.server_relay import Exchange, listen
from chalicelib.sandbox.box.server_state import OneBox
from chalicelib.sandbox.hosts.base import Host

PORT, HOOKS_PORT = 8080, 9000


def serve(host: Host, address: str, port: int, hooks_port: int) -> tuple[socket.socket, socket.socket]:
    """Listen for requests and for hooks; the two listening sockets. Raises OSError when a port is taken."""
    box = OneBox(host)
    hooks = Hooks(box)

    def exchange(client: socket.socket) -> None:
        Exchange(client, box).serve()

    return listen(address, port, exchange), listen(address, hooks_port, hooks.serve)


def local_host() -> Host:
    """The way boxes are made on any machine. Raises SandboxRefused when this one cannot isolate."""
    from chalicelib.sandbox.box.settings import BoxSettings
    from chalicelib.sandbox.hosts.local import LocalHost

    return LocalHost(BoxSettings.from_env({"LAMBENT_SANDBOX": "bubblewrap", **os.environ}))


def main(words: Sequence[str]) -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="box-server", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104 - the endpoint comes from outside
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--hooks-port", type=int, default=HOOKS_PORT)
    asked = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    host = local_host()
    sockets = serve(host, asked.host, asked.port, asked.hooks_port)
    over.wait()
    for one in sockets:
        one.close()
    host.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
