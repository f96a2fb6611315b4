"""Whose a request is by its credential."""

import threading

from chalicelib.http.callers import Callers


def test_what_was_seen_is_known_by_every_part_of_the_credential() -> None:
    callers = Callers()
    shown = {"cookie": "session=a", "x-active-tenant": "one"}
    assert callers.tenant(shown) is None
    callers.note(shown, "one")
    assert callers.tenant(shown | {"accept": "*/*"}) == "one"
    assert callers.tenant(shown | {"x-active-tenant": "two"}) is None
    assert callers.tenant({"x-api-key": "session=a"}) is None


def test_the_operator_is_known_and_is_nobodys_tenant() -> None:
    callers = Callers()
    callers.note({"x-api-key": "root"}, "")
    assert callers.tenant({"x-api-key": "root"}) == ""


def test_only_the_latest_are_remembered_however_many_come_at_once() -> None:
    callers = Callers()

    def come(crowd: int) -> None:
        for number in range(6_000):
            callers.note({"x-api-key": f"{crowd} {number}"}, "one")

    crowds = [threading.Thread(target=come, args=(crowd,)) for crowd in range(2)]
    for crowd in crowds:
        crowd.start()
    for crowd in crowds:
        crowd.join()
    known = sum(
        callers.tenant({"x-api-key": f"{crowd} {number}"}) is not None for crowd in (0, 1) for number in range(6_000)
    )
    assert known == 10_000
