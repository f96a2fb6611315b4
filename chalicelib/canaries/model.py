"""What a canary is, and who gets which version."""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Literal

from chalicelib.core.jsonio import dumps, loads

State = Literal["running", "promoted", "rolled_back"]


@dataclass(frozen=True, slots=True)
class Canary:
    """While it runs, sessions that name no version get ``version`` for ``percent`` of them and ``stable`` otherwise;
    ``version`` may be the next one, which there is not yet. Times are milliseconds."""

    id: str
    version: int
    stable: int
    percent: int
    started_at: int
    state: State = "running"
    ended_at: int | None = None

    @property
    def running(self) -> bool:
        """Whether it decides what new sessions get."""
        return self.state == "running"

    def share(self, agent_id: str, who: str) -> int:
        """The version for somebody: the same for the same text, and kept when the share grows."""
        digest = hashlib.sha256(f"{agent_id}\x1f{self.id}\x1f{who}".encode()).digest()
        return self.version if int.from_bytes(digest[:8]) % 100 < self.percent else self.stable

    def ended(self, state: State, now: int) -> "Canary":
        """The canary after its end."""
        return replace(self, state=state, ended_at=now)

    def packed(self) -> str:
        """As it stands in the agent's row."""
        return dumps(asdict(self))

    @staticmethod
    def unpacked(text: str) -> "Canary":
        """The canary behind ``packed``."""
        return Canary(**loads(text))
