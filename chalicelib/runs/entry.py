"""The ways into the worker: a doorbell, a dead letter, the clock."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from chalicelib.core.clock import now_ms
from chalicelib.evals.due import ERRAND as EVAL_TRIAL
from chalicelib.events.log import SessionRef
from chalicelib.observability import bind, log_failure, logger
from chalicelib.sandbox.due import any_due
from chalicelib.schedules.due import next_moment
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import Doorbell, Errand, read_bell
from chalicelib.webhooks import due as webhooks
from chalicelib.wiring import Services, services

_DELETED_KEPT_MS = 30_000
_CHECKS = 15
_CHECK_SECONDS = 0.1


def _ref(bell: Doorbell) -> SessionRef:
    return SessionRef(Space(bell.tenant), bell.session)


def ring(
    body: str,
    *,
    receipt: str | None,
    remaining_ms: Callable[[], int],
    parts: Services | None = None,
) -> None:
    """Handle one received doorbell. Raises to have it delivered again."""
    # The API imports this module too, and has no use for the loop.
    from chalicelib.runs.worker import Limits

    known = parts or services()
    bell = read_bell(body)
    hidden_seconds = known.settings.lease_seconds + known.settings.heartbeat_seconds

    def keep() -> None:
        if receipt:
            known.doorbells.extend(receipt, hidden_seconds)

    if isinstance(bell, Errand):
        with bind(tenant=bell.tenant):
            keep()
            _run_errand(bell, remaining_ms, known)
        return
    with bind(tenant=bell.tenant, session=bell.session):
        keep()
        ref = _ref(bell)
        known.holdings.hear(ref.space, bell.holdings)
        if not known.worker.handle(ref, Limits(remaining_ms, keep), called=bell.called):
            known.limiting.purse.give_back(ref.space, ref.id)
            if not known.sessions.purge_deleted(ref, now_ms() - _DELETED_KEPT_MS):
                known.forks.give_up(ref)
        _tell_talks(known, ref)


def _tell_talks(parts: Services, ref: SessionRef) -> None:
    try:
        parts.integrations.after_run(ref)
    except ValueError as error:
        # Settings of integrations that cannot be used are no reason to keep a session's doorbell.
        log_failure(logger("runs"), "the settings of integrations cannot be used", error)


def _run_errand(errand: Errand, remaining_ms: Callable[[], int], parts: Services) -> None:
    space = Space(errand.tenant)
    if errand.kind == webhooks.OUTBOX:
        parts.webhook_courier.share_out(space)
    elif errand.kind == webhooks.QUEUE:
        parts.webhook_courier.deliver(space, errand.thing, remaining_ms)
    elif errand.kind == EVAL_TRIAL:
        parts.evals.trials.work(space, errand.thing, remaining_ms)
    elif not parts.integrations.run(errand):
        raise ValueError(f"nobody runs errands of kind {errand.kind!r}")


def dead_letter(body: str, parts: Services | None = None) -> None:
    """A doorbell that failed again and again: its run ends with an error the client can see."""
    known = parts or services()
    bell = read_bell(body)
    if isinstance(bell, Errand):
        # What an errand is for stays where it is, and the clock rings for it again.
        return
    with bind(tenant=bell.tenant, session=bell.session):
        known.worker.give_up(_ref(bell), "the run failed repeatedly inside the server and was given up")


def tick(parts: Services | None = None, *, everything: bool = False) -> int:
    """Ring for every session that should have been looked at by now; gives their number.

    Removes expired files and uploads, looks after sandboxes whose moment has come, runs deployments and wakes sessions.
    ``everything`` rings also for sessions whose time has not come: right after the start of a lone process.
    Whatever fails keeps nothing else waiting; the first failure is raised in the end.
    """
    known = parts or services()
    now = now_ms()
    due = known.sessions.due(10**13 - 1 if everything else now)
    _all_of(
        [
            *(partial(known.inbox.ring, SessionRef(Space(tenant), session)) for tenant, session in due),
            lambda: _ring_for_errands(known, now, everything=everything),
            known.files.sweep,
            lambda: known.uploads.service.sweep(),
            known.skills.sweep,
            lambda: known.sandboxes.sweep() if any_due(known.table, now) else None,
            lambda: tick_timers(known),
            # Last, for vectors take their time.
            lambda: tick_memory(known),
        ]
    )
    return len(due)


def _ring_for_errands(parts: Services, now: int, *, everything: bool) -> None:
    errands = webhooks.due_errands(parts.table, now, everything=everything)
    _all_of([partial(parts.doorbells.ring, errand) for errand in errands])


def _all_of(steps: Sequence[Callable[[], object]]) -> None:
    """Take all steps. Raises what the first one raised that failed; the others' failures are in the log alone."""
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the first is raised below
            log_failure(logger("runs"), "a part of the clock's work failed", error)
            failures.append(error)
    if failures:
        raise failures[0]


def tick_memory(parts: Services) -> None:
    """Finish removing memory stores, and compute vectors of memories that were written since."""
    _all_of([parts.memory_removal.sweep, parts.memory_embedding.sweep])


def tick_timers(parts: Services) -> int:
    """Run deployments and wake sessions whose moment has come; gives the number of what was due."""
    moment = next_moment(parts.table)
    return parts.timers.sweep() if moment is not None and moment <= now_ms() else 0


def wait_until_stopped(ref: SessionRef, interrupt_id: str, parts: Services) -> None:
    """Return when an interrupt is carried out, within about two seconds: a worker that does not heed it is replaced."""
    for _ in range(_CHECKS):
        if parts.sessions.interrupt_done(ref, interrupt_id):
            return
        time.sleep(_CHECK_SECONDS)
    parts.worker.stop_now(ref)
