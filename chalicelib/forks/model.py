"""A fork as it is asked for, and as it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.agents.parts import ModelConfig
from chalicelib.agents.policy import PLAIN, Policy
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Session


@dataclass(frozen=True, slots=True)
class ForkWanted:
    """A fork as somebody asks for it; None takes what the source has. ``seed`` makes repeated requests meet."""

    seq: int | None = None
    event_id: str | None = None
    agent: AgentChoice | None = None
    model: ModelConfig | None = None
    title: str | None = None
    metadata: dict[str, str] | None = None
    initial: Sequence[Input] = ()
    manner: Manner = field(default_factory=Manner)
    policy: Policy = PLAIN
    seed: str | None = None


@dataclass(frozen=True, slots=True)
class Forked:
    """The new session, the number asked for and the one it goes on from. ``exact``: its files are those of then."""

    session: Session
    asked: int
    seq: int
    exact: bool
