"""Entries of a tree on their way into a computer."""

import json
from collections.abc import Iterator

from chalicelib.sandbox.client import MOST_BYTES, GuestClient, GuestGone, bounded

_SECONDS = 600.0
_MOST_PROBLEMS = 20
_LONGEST_PROBLEM = 500


def send_tree(client: GuestClient, body: Iterator[bytes], *, baseline: bool = False, links: bool = True) -> list[str]:
    """Have a guest make entries; ``baseline``: they come from outside for good and need not be stored again.

    Without ``links`` none on the way to them is followed: commands may have put it there.

    Tells what could not be made for something that is in its way. Raises GuestGone, GuestProblem.
    """
    params = {"baseline": "1", "links": "1" if links else "0"} if baseline else {}
    with client.open("PUT", "/tree", content=body, params=params, timeout=_SECONDS) as answer:
        told = b"".join(bounded(answer.iter_raw(), MOST_BYTES))
    try:
        problems = [str(problem) for problem in json.loads(told)["problems"]]
    except (ValueError, KeyError, TypeError):
        raise GuestGone("the sandbox does not speak as it should") from None
    return [f"A file could not be put in its place: {_plain(problem)}" for problem in problems[:_MOST_PROBLEMS]]


def _plain(text: str) -> str:
    """What a guest says, short enough and fit to be shown."""
    return text[:_LONGEST_PROBLEM].encode(errors="replace").decode()
