"""What may be done with evaluation runs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.evals.errors import EvalRunNotFound
from chalicelib.evals.model import Run, Task
from chalicelib.evals.store import EvalStore, run_key
from chalicelib.events.log import SessionRef
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import SessionEnded, SessionNotFound
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.opening import Opener, Opening
from chalicelib.sessions.service import SessionService
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.marshal import Row


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows; None takes any."""

    status: str | None = None
    agent_id: str | None = None
    environment_id: str | None = None

    def takes(self, row: Row) -> bool:
        """Whether a run is one of them."""
        wanted = {"status": self.status, "agent_id": self.agent_id, "environment_id": self.environment_id}
        return all(value is None or row[name] == value for name, value in wanted.items())


class EvalService:
    """Creates, shows and removes runs; the clock carries them out."""

    def __init__(self, store: EvalStore, opener: Opener, sessions: SessionService) -> None:
        self._store = store
        self._opener = opener
        self._sessions = sessions

    def create(
        self, space: Space, agent: str, environment: str, tasks: Sequence[Task], run_id: str | None = None
    ) -> Run:
        """A new run of the agent's latest version; with an id that exists already, that run.

        Raises what ``Opener.check`` raises.
        """
        found, place, _ = self._opener.check(space, Opening(AgentChoice(id=agent), environment))
        made = Run(
            id=run_id or new_id(),
            agent_id=found.id,
            agent_version=found.version,
            environment_id=place.id,
            tasks=list(tasks),
            created_at=now_ms(),
        )
        return made if self._store.insert(space, made) else self.get(space, made.id)

    def get(self, space: Space, run_id: str) -> Run:
        """One run. Raises EvalRunNotFound."""
        found = self._store.find(space, run_id)
        if found is None:
            raise EvalRunNotFound
        return found

    def page(self, space: Space, window: Window, wanted: RunFilter) -> Page[Run]:
        """Runs by creation; ``next`` is the position to go on after."""
        found = self._store.page(space, window, wanted.takes)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.restored(row) for row in found.rows], following)

    def delete(self, space: Space, run_id: str) -> None:
        """Remove a run; its sessions stay, what they are doing is stopped. Raises EvalRunNotFound."""
        if not self._store.remove(space, run_id, now_ms()):
            raise EvalRunNotFound
        # Read only now: no trial is begun any more.
        row = self._store.row(run_key(space, run_id))
        if row is not None:
            self.clear(space, self._store.restored(row))

    def clear(self, space: Space, run: Run) -> None:
        """Stop what a removed run has under way, and forget it."""
        for trial in run.trials.values():
            if not trial.ended and trial.session_id is not None:
                self.stop(space, trial.session_id)
        self._store.forget(space, run)

    def stop(self, space: Space, session_id: str) -> None:
        """Interrupt a session, if it is still there."""
        with suppress(SessionNotFound, SessionEnded):
            self._sessions.send(SessionRef(space, session_id), [Input("user.interrupt", {})], Manner())
