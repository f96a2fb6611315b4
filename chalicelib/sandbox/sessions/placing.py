"""What is put at places of a session's computer when it starts, and again when something else belongs there."""

from collections.abc import Mapping
from typing import Protocol

from chalicelib.sandbox.client import GuestClient


class Placed(Protocol):
    """One kind of things that stand at places. A place is an absolute path; what stands there goes by a name that tells
    it from everything else that may stand there."""

    def wanted(self) -> dict[str, str]:
        """What should stand where."""
        ...

    def put(self, client: GuestClient, have: Mapping[str, str]) -> list[str]:
        """Bring a computer from what all kinds have there to what this one wants; tells what could not be done.

        Raises GuestGone.
        """
        ...
