"""The folded logs a process keeps between turns."""

from chalicelib.events.log import SessionRef
from chalicelib.events.projections.conversation import Conversation
from chalicelib.runs.worker import Remembered
from chalicelib.storage.keys import Space


def ref(number: int) -> SessionRef:
    return SessionRef(Space("tenant"), f"session-{number}")


def test_a_fold_is_lent_to_one_worker_at_a_time() -> None:
    remembered, kept = Remembered(), Conversation()
    remembered.give(ref(1), kept)
    assert remembered.take(ref(1)) is kept
    assert remembered.take(ref(1)) is not kept


def test_only_so_many_are_kept_and_the_oldest_go() -> None:
    remembered, folds = Remembered(), [Conversation() for _ in range(100)]
    for number, fold in enumerate(folds):
        remembered.give(ref(number), fold)
    assert remembered.take(ref(99)) is folds[99]
    assert remembered.take(ref(0)) is not folds[0]
