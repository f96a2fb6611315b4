"""What a workspace held when its session rested, so that the session can be forked there with its files."""

from dataclasses import replace

from chalicelib.workspaces.model import Head, State


def current(head: Head) -> State:
    """The tree as it is."""
    return State(head.layers, head.at)


def after(head: Head, run: str, most: int) -> tuple[State, ...]:
    """The past of a head that is going to change during ``run``.

    What one run, or nobody's run, changed step by step counts as one state: the last. The oldest of more than
    ``most`` are given up.
    """
    if run == head.run or not most:
        return head.past
    return (*head.past, current(head))[-most:]


def back_to(head: Head, at: int) -> Head:
    """The head as it was at that moment; as it is when that is not kept any more, which its ``at`` tells."""
    states = (*head.past, current(head))
    place = next((place for place in reversed(range(len(states))) if states[place].at <= at), None)
    if place is not None:
        return replace(head, layers=states[place].layers, at=states[place].at, past=states[:place])
    if head.created_at > at:
        return replace(head, layers=(), at=at, past=())
    return head
