"""All that one worker needs to know while it holds a run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from chalicelib.core.clock import now_ms
from chalicelib.core.settings import Settings
from chalicelib.events.live import LiveChannel
from chalicelib.events.log import SessionRef
from chalicelib.events.projections.conversation import Conversation
from chalicelib.modelcards.falling import Chain
from chalicelib.runs.errors import Interrupted, LeaseLost, OutOfTime, RunTooLong
from chalicelib.runs.pen import Pen
from chalicelib.runs.pulse import Held
from chalicelib.runs.watch import Watch
from chalicelib.sessions.model import Spec
from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from chalicelib.dreams.desk import Desk
    from chalicelib.engine.threads.ends import Ends
    from chalicelib.engine.threads.strands import Strands
    from chalicelib.files.service import FileService
    from chalicelib.mcp.servers import Servers
    from chalicelib.modelcards.serving import RunModels, Serving
    from chalicelib.outbound.guard import Outbound
    from chalicelib.sandbox.sessions.access import SessionSandbox
    from chalicelib.schedules.service import ScheduleService
    from chalicelib.sessions.seats import Seats
    from chalicelib.sessions.workers import Workers
    from chalicelib.spending.purse import Purse
    from chalicelib.tools.base import Bearer
    from chalicelib.tools.offer import Offered

MARGIN_MS = 20_000
"""So long before the end of the invocation a worker stops starting new work."""
_SETTING_OUT_MS = 60_000
"""So much of an invocation's time may be over before its first tool call."""


@dataclass(slots=True)
class Parts:
    """The services a loop uses. ``is_archived`` tells of an agent whether it is archived, or gone."""

    settings: Settings
    live: LiveChannel
    serving: "Serving"
    outbound: "Outbound"
    files: "FileService"
    workers: "Workers"
    sandbox_of: "Callable[[SessionRef, Spec, str], SessionSandbox | None]"
    mcp_of: "Callable[[SessionRef, Spec], Servers | None]"
    bearer_for: "Callable[[SessionRef, Spec, str], Bearer]"
    seats: "Seats"
    is_archived: "Callable[[Space, str], bool]" = field(default=lambda _space, _agent_id: False, kw_only=True)
    schedules: "ScheduleService | None" = field(default=None, kw_only=True)
    desk: "Desk | None" = field(default=None, kw_only=True)
    purse: "Purse | None" = field(default=None, kw_only=True)


@dataclass
class Job:
    """One held run.

    ``call`` is a model call that is written as begun and not made yet; ``begun`` are the steps of the tool calls
    this worker began, by tool use; ``fragments`` numbers what goes to the live channel. ``strands`` carry on the
    threads of other agents; the job of such a thread has ``ends`` of its own. ``began`` is on the monotonic clock.
    ``handed_on`` is set when the run was left to another invocation.
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
    fragments: Iterator[int] = field(default_factory=lambda: count(1))
    strands: "Strands | None" = None
    ends: "Ends | None" = None
    began: float = field(default_factory=time.monotonic)
    handed_on: bool = False

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

    @property
    def thread(self) -> str | None:
        """The thread whose job this is, None for the primary one."""
        return None if self.ends is None else self.ends.thread_id

    @property
    def agent_name(self) -> str:
        """Whose loop this is."""
        return self.pen.head.agent_name if self.ends is None else self.ends.agent_name

    @cached_property
    def sandbox(self) -> "SessionSandbox | None":
        """The session's sandbox, None where a worker of the customer has it."""
        return self.parts.sandbox_of(self.ref, self.spec, self.run_id)

    @cached_property
    def models(self) -> "RunModels":
        """Who serves the tenant's models, as it was when this was first asked for."""
        return self.parts.serving.open(self.ref.space)

    def rest(self) -> None:
        """The run goes no further here, so its sandbox need not be kept awake."""
        if "sandbox" in self.__dict__ and self.sandbox is not None:
            self.sandbox.release()

    @cached_property
    def servers(self) -> "Servers | None":
        """The agent's MCP servers, None when it has none."""
        return self.parts.mcp_of(self.ref, self.spec)

    @property
    def model(self) -> str:
        """The model id as the agent names it."""
        return str(self.spec.agent["model"]["id"])

    @cached_property
    def chain(self) -> Chain:
        """The agent's model and those it falls back to."""
        return Chain(self.models, self.model)

    @property
    def using(self) -> str:
        """The id of the model that is asked: the agent's, or one it falls back to."""
        return self.chain.using

    @property
    def window(self) -> int:
        """How many tokens the model can have in view."""
        return self.models.window(self.using)

    def look(self) -> None:
        """If it is time, take in what others wrote. Raises LeaseLost, Interrupted, OutOfTime, RunTooLong."""
        if self.held.lost.is_set() or (self.strands is not None and self.strands.abandoned.is_set()):
            raise LeaseLost
        if self.watch.due():
            self.pen.catch_up()
        self.heed()
        self._demand_time()
        if self.remaining_ms() < MARGIN_MS:
            raise OutOfTime

    def is_short_for(self, seconds: float) -> bool:
        """Whether what takes so long is better left to the next invocation, which has all of its time."""
        # A thread of another agent goes on as long as the run does.
        if not seconds or self.ends is not None:
            return False
        needed, left = seconds * 1000 + MARGIN_MS, self.remaining_ms()
        allotted = left + (time.monotonic() - self.began) * 1000
        return left < needed <= allotted - _SETTING_OUT_MS

    def _demand_time(self) -> None:
        """Raises RunTooLong when the session has been at work for longer than it may without a rest."""
        head = self.pen.head
        longest = head.max_running_seconds or self.parts.settings.max_running_seconds
        if longest and head.active_since is not None and now_ms() - head.active_since > longest * 1000:
            raise RunTooLong(f"the run was stopped after {longest} seconds")

    def heed(self) -> None:
        """Raises Interrupted when a request to stop is known."""
        if self.pen.head.interrupt is not None or (self.ends is not None and self.ends.asked is not None):
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
