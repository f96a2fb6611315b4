"""All that one worker needs to know while it holds a run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.core.settings import Settings
from chalicelib.events.live import LiveChannel
from chalicelib.events.log import SessionRef
from chalicelib.events.projections.conversation import Conversation
from chalicelib.runs.errors import Interrupted, LeaseLost, OutOfTime
from chalicelib.runs.pen import Pen
from chalicelib.runs.pulse import Held
from chalicelib.runs.watch import Watch
from chalicelib.sessions.model import Spec

if TYPE_CHECKING:
    from chalicelib.files.service import FileService
    from chalicelib.models.registry import Registry
    from chalicelib.outbound.guard import Outbound
    from chalicelib.sandbox.sessions.access import SessionSandbox
    from chalicelib.sessions.workers import Workers
    from chalicelib.tools.offer import Offered

MARGIN_MS = 20_000
"""So long before the end of the invocation a worker stops starting new work."""


@dataclass(slots=True)
class Parts:
    """The services a loop uses."""

    settings: Settings
    live: LiveChannel
    models: "Registry"
    outbound: "Outbound"
    files: "FileService"
    workers: "Workers"
    sandbox_of: "Callable[[SessionRef, Spec], SessionSandbox | None]"


@dataclass
class Job:
    """One held run.

    ``call`` is a model call that is written as begun and not made yet; ``begun`` are the steps of the tool calls
    this worker began, by tool use.
    """

    pen: Pen
    spec: Spec
    parts: Parts
    watch: Watch
    held: Held
    remaining_ms: Callable[[], int]
    offers: list["Offered"] = field(default_factory=list)
    call: "ModelCall | None" = None
    begun: dict[str, str] = field(default_factory=dict)
    tries: int = 0
    fragments: int = 0

    @property
    def conversation(self) -> Conversation:
        """The folded log."""
        return self.pen.conversation

    @property
    def ref(self) -> SessionRef:
        """The session."""
        return self.pen.ref

    @property
    def run_id(self) -> str:
        """The run in hand."""
        run = self.pen.head.run
        if run is None:
            raise LeaseLost
        return run.id

    @cached_property
    def sandbox(self) -> "SessionSandbox | None":
        """The session's sandbox, None where a worker of the customer has it."""
        return self.parts.sandbox_of(self.ref, self.spec)

    def rest(self) -> None:
        """The run goes no further here, so its sandbox need not be kept awake."""
        if "sandbox" in self.__dict__ and self.sandbox is not None:
            self.sandbox.release()

    @property
    def model(self) -> str:
        """The model id as the agent names it."""
        return str(self.spec.agent["model"]["id"])

    def look(self) -> None:
        """If it is time, take in what others wrote. Raises LeaseLost, Interrupted, OutOfTime."""
        if self.held.lost.is_set():
            raise LeaseLost
        if self.watch.due():
            self.pen.catch_up()
        self.heed()
        if self.remaining_ms() < MARGIN_MS:
            raise OutOfTime

    def heed(self) -> None:
        """Raises Interrupted when a request to stop is known."""
        if self.pen.head.interrupt is not None:
            raise Interrupted


@dataclass(slots=True)
class ModelCall:
    """A model call that is written as begun."""

    span: str
    step: str
    started_at: int


@dataclass(slots=True)
class Spoken:
    """What came of a model call: records in order, the numbers, and why it stopped."""

    records: list[Any] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    cost: Decimal | None = None
    stop_reason: str = "end_turn"
    detail: str | None = None
    response_id: str | None = None
    text_length: int = 0
