"""Evaluation runs as this door prints them."""

from typing import Any

from chalicelib.core.clock import iso, optional_iso
from chalicelib.core.ids import dress
from chalicelib.evals.model import Run, Trial, status_of


def name(run_id: str) -> str:
    """A run's id as printed."""
    return dress("evrun", run_id)


def run(stored: Run) -> dict[str, Any]:
    """A run with its tasks and their trials."""
    return {
        "id": name(stored.id),
        "type": "eval_run",
        "agent_id": dress("agent", stored.agent_id),
        "agent_version": stored.agent_version,
        "environment_id": dress("env", stored.environment_id),
        "status": stored.status,
        "created_at": iso(stored.created_at),
        "started_at": optional_iso(stored.started_at),
        "ended_at": optional_iso(stored.ended_at),
        "error": stored.error,
        "task_count": len(stored.tasks),
        "completed_count": stored.count("completed"),
        "failed_count": stored.count("failed"),
        "tasks": [_task(stored, place) for place in range(len(stored.tasks))],
    }


def _task(stored: Run, place: int) -> dict[str, Any]:
    task, trials = stored.tasks[place], stored.of_task(place)
    return {
        "id": task.id,
        "spec": task.model_dump(mode="json"),
        "status": status_of(trials),
        "trial_total": task.trials,
        "trials": [_trial(number, trial) for number, trial in enumerate(trials)],
    }


def _trial(number: int, trial: Trial) -> dict[str, Any]:
    shown: dict[str, Any] = {"trial_index": number, "status": trial.status}
    if trial.session_id is not None:
        shown["session_id"] = dress("sesn", trial.session_id)
    if trial.reward is not None:
        shown["reward"] = trial.reward
    if trial.error is not None:
        shown["error"] = trial.error
    return shown
