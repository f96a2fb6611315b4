"""As many trials as a run may have, all with much to say, fit into what is kept of the run."""

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.evals.model import MOST_IN_RUN, MOST_TRIALS, Attempt, Run, Task, Trial
from chalicelib.evals.preparing import SHOWN_CHARS
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import LANES, Errand
from chalicelib.wiring import Services

_SAID = "ü" * SHOWN_CHARS
_REWARD = {"type": "rubric", "final_reward": 1.0, "raw_rewards": {"0:rubric": 1.0}, "passed": True}
_GRADED = Trial(status="completed", session_id=new_id(), reward=_REWARD | {"explanation": _SAID})
_FAILED = Trial(status="failed", session_id=new_id(), error=_SAID)


def run_of(tasks: int, trials: int, message: str = "x") -> Run:
    """A run."""
    made = [Task(id=str(number), messages=[message], trials=trials) for number in range(tasks)]
    return Run(
        id=new_id(), agent_id=new_id(), agent_version=1, environment_id=new_id(), tasks=made, created_at=now_ms()
    )


def carried_out(services: Services, run: Run, outcome: Trial) -> Run:
    """The run after all its trials have ended."""
    space, store = Space(new_id()), services.evals._store
    assert store.insert(space, run)
    known = store.find(space, run.id)
    assert known is not None
    for place, number in known.places():
        attempt = Attempt(run=run.id, place=place, number=number, started_at=now_ms())
        assert store.begin(space, known, attempt)
        assert store.finish(space, attempt, store.fitting(known, outcome), now_ms())
    found = store.find(space, run.id)
    assert found is not None
    return found


@pytest.mark.parametrize("outcome", [_GRADED, _FAILED], ids=["graded", "failed"])
def test_the_outcomes_of_as_many_trials_as_there_may_be_are_kept(services: Services, outcome: Trial) -> None:
    found = carried_out(services, run_of(MOST_IN_RUN // MOST_TRIALS, MOST_TRIALS), outcome)
    assert len(found.trials) == MOST_IN_RUN
    for trial in found.trials.values():
        said = trial.error or (trial.reward or {})["explanation"]
        assert len(said) > 500
        assert _SAID.startswith(said)


def test_what_few_trials_say_is_kept_whole(services: Services) -> None:
    (trial,) = carried_out(services, run_of(1, 1), _GRADED).trials.values()
    assert trial == _GRADED


def test_no_trial_waits_for_another(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Errand] = []
    monkeypatch.setattr(services.doorbells, "ring", rung.append)
    for number in range(2 * LANES):
        attempt = Attempt(run="run", place=0, number=number, started_at=now_ms())
        services.evals.runs.ring(Space(new_id()), attempt)
    assert len({errand.group.partition("/")[2].partition("/")[2] for errand in rung}) == 2 * LANES
