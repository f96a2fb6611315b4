"""The way out of one box, from before the box exists to its end."""

import os
import socket

from chalicelib.sandbox.box.egress.proxy import Egress, proxy_environment
from chalicelib.sandbox.box.filesystem import CA_BUNDLE
from chalicelib.sandbox.hosts.base import Network


class Outward:
    """The proxy is made first, for the box has to hold from its start what makes it trust the proxy."""

    def __init__(self, network: Network, allow: tuple[str, ...]) -> None:
        self._place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._egress = Egress(self._place, network, allow)
        self.ca_bundle = self._egress.ca_bundle()

    def environment(self) -> dict[str, str]:
        """What commands in the box need to know of it."""
        return proxy_environment(ca_path=None if self.ca_bundle is None else CA_BUNDLE)

    def open(self, listener: socket.socket) -> None:
        """Serve what arrives on a socket of the box; takes the socket over."""
        with listener:
            os.dup2(listener.fileno(), self._place.fileno(), inheritable=False)
        self._place.setblocking(False)
        self._egress.start()

    def close(self) -> None:
        """End every connection."""
        self._egress.close()
        self._place.close()
