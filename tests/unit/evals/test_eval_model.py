"""Where a task stands follows from its trials."""

import pytest

from chalicelib.evals.model import Run, Status, Task, Trial, status_of


@pytest.mark.parametrize(
    ("trials", "status"),
    [
        (["pending", "pending"], "pending"),
        (["running", "pending"], "running"),
        (["completed", "pending"], "running"),
        (["completed", "failed"], "completed"),
        (["failed", "failed"], "failed"),
    ],
)
def test_a_task_stands_where_its_trials_stand(trials: list[Status], status: Status) -> None:
    assert status_of([Trial(status=one) for one in trials]) == status


def test_a_run_counts_tasks_and_knows_the_place_of_every_trial() -> None:
    tasks = [Task(id="a", messages=["x"], trials=2), Task(id="b", messages=["x"])]
    done, bad = Trial(status="completed"), Trial(status="failed")
    run = Run(
        id="r",
        agent_id="a",
        agent_version=1,
        environment_id="e",
        tasks=tasks,
        created_at=0,
        trials={(0, 0): done, (0, 1): bad, (1, 0): bad},
    )
    assert list(run.places()) == [(0, 0), (0, 1), (1, 0)]
    assert (run.count("completed"), run.count("failed"), run.count("running")) == (1, 1, 0)
