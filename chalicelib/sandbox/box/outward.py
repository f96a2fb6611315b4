"""The way out of one box, from before the box exists to its end."""

import os
import socket
import threading

from chalicelib.sandbox.box.egress.proxy import Egress, proxy_environment
from chalicelib.sandbox.box.filesystem import CA_BUNDLE
from chalicelib.sandbox.hosts.base import Network


class Outward:
    """The proxy is made first, for the box has to hold from its start what makes it trust the proxy."""

    def __init__(self, network: Network, allow: tuple[str, ...]) -> None:
        self._allow = allow
        self._place = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._egress = Egress(self._place, network, allow)
        self._lock = threading.Lock()
        self._closed = False
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

    def change(self, network: Network) -> bool:
        """Serve by other rules from now on; what goes on by the old ones ends.

        False when it is over, or when one of them puts in secrets: what the box trusts was settled at its start.
        """
        with self._lock:
            if self._closed or self.ca_bundle is not None or network.injections:
                return False
            before, place = self._egress, self._place.dup()
            self._egress, self._place = Egress(place, network, self._allow), place
            before.close()
            self._egress.start()
            return True

    def close(self) -> None:
        """End every connection."""
        with self._lock:
            self._closed = True
            self._egress.close()
            self._place.close()
