"""A worker looks at once after a report of its process, and otherwise only now and then."""

import time

from chalicelib.events.hub import Hub
from chalicelib.runs.watch import Watch


def test_a_report_makes_it_time_to_look_once() -> None:
    hub = Hub()
    with Watch(hub, "a").active() as watch:
        assert not watch.due()
        hub.notify("a")
        assert watch.due()
        assert not watch.due()


def test_reports_of_other_sessions_and_own_writes_do_not() -> None:
    hub = Hub()
    with Watch(hub, "a").active() as watch:
        hub.notify("b")
        hub.notify("a")
        watch.settle()
        assert not watch.due()


def test_without_reports_it_is_time_after_a_while() -> None:
    with Watch(Hub(), "a").active() as watch:
        time.sleep(0.51)
        assert watch.due()
