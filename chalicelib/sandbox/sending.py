"""Entries of a tree on their way into a computer."""

from collections.abc import Iterator

from chalicelib.sandbox.client import GuestClient, GuestGone, told

_SECONDS = 600.0
_MOST_PROBLEMS = 20
_LONGEST_PROBLEM = 500


def send_tree(client: GuestClient, body: Iterator[bytes], *, baseline: bool = False, links: bool = True) -> list[str]:
    """Have a guest make entries; ``baseline``: they come from outside for good and need not be stored again.

    Without ``links`` none on the way to them is followed: commands may have put it there.

    Tells what could not be made for something that is in its way. Raises GuestGone, GuestProblem.
    """
    params = {"baseline": "1", "links": "1" if links else "0"} if baseline else {}
    answer = told(client.fetch("PUT", "/tree", content=body, params=params, timeout=_SECONDS))
    problems = answer.get("problems")
    if not isinstance(problems, list):
        raise GuestGone("the sandbox does not speak as it should")
    return [f"A file could not be put in its place: {_plain(str(problem))}" for problem in problems[:_MOST_PROBLEMS]]


def _plain(text: str) -> str:
    """What a guest says, short enough and fit to be shown."""
    return text[:_LONGEST_PROBLEM].encode(errors="replace").decode()
