"""The pump hands doorbells to workers; what a dead process had received comes back soon."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.core.settings import Settings
from chalicelib.local.pump import Pump
from chalicelib.storage.queue import LANES, Doorbell, Errand, read_bell
from chalicelib.wiring import Services
from tests.support.api import wait_for

HIDDEN_SECONDS = 1


@pytest.fixture
def pump(services: Services) -> Iterator[Callable[..., Pump]]:
    """Starts pumps on the run queue."""
    started: list[Pump] = []

    def start(handler: Callable[[str, str], None], workers: int = 4) -> Pump:
        url = services.settings.queue_url
        made = Pump(
            services.doorbells.client, url, handler, workers=workers, hidden_seconds=HIDDEN_SECONDS, name="test"
        )
        started.append(made)
        made.start()
        return made

    yield start
    for one in started:
        one.stop()


def test_a_doorbell_received_and_never_handled_comes_back(services: Services, pump: Any, settings: Settings) -> None:
    services.doorbells.ring(Doorbell("tenant", "session"))
    handled, dies = list[str](), threading.Event()

    def handle(body: str, receipt: str) -> None:
        handled.append(body)
        if len(handled) == 1:
            dies.wait(10)

    pump(handle)
    wait_for(lambda: len(handled) == 2, "the doorbell to ring again")
    dies.set()


def test_no_more_is_received_than_there_are_workers_for(services: Services, pump: Any) -> None:
    for number in range(6):
        services.doorbells.ring(Doorbell("tenant", f"session-{number}"))
    busy, go_on = list[str](), threading.Event()

    def handle(body: str, receipt: str) -> None:
        busy.append(body)
        go_on.wait(10)

    pump(handle, workers=2)
    wait_for(lambda: len(busy) == 2, "two workers to be busy")
    left = services.doorbells.client.receive_message(
        QueueUrl=services.settings.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    assert len(left["Messages"]) == 4
    go_on.set()
    wait_for(lambda: len(set(busy)) == 6, "all to be handled")


def test_doorbells_of_one_session_that_come_together_are_one(services: Services, pump: Any) -> None:
    for _ in range(5):
        services.doorbells.ring(Doorbell("tenant", "session"))
    handled: list[str] = []
    pump(lambda body, receipt: handled.append(body))
    wait_for(lambda: handled, "the doorbell")
    url = services.settings.queue_url

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = services.doorbells.client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())

    wait_for(lambda: left() == 0, "the queue to be empty")
    assert len(handled) < 5


def test_errands_of_one_lane_that_come_together_are_all_run(services: Services, pump: Any) -> None:
    for number in range(3 * LANES):
        for _ in range(2):
            services.doorbells.ring(Errand("post", "tenant", f"thing-{number}"))
    run: list[str] = []
    pump(lambda body, receipt: run.append(read_bell(body).door))
    wait_for(lambda: len(set(run)) == 3 * LANES, "every errand to be run")


def test_behind_an_errand_that_fails_the_others_of_its_lane_are_still_run(services: Services, pump: Any) -> None:
    errands = [Errand("post", "tenant", f"thing-{number}") for number in range(40)]
    lane = [errand for errand in errands if errand.group == errands[0].group][:3]
    assert len(lane) == 3
    for errand in lane:
        services.doorbells.ring(errand)
    run: list[str] = []

    def handle(body: str, receipt: str) -> None:
        run.append(read_bell(body).door)
        if len(run) == 1:
            raise OSError("once")

    pump(handle)
    wait_for(lambda: len(run) == 4, "the rest of the lane")
    assert run == [lane[0].door, *(errand.door for errand in lane)]


def test_errands_of_a_tenant_that_take_their_time_leave_workers_to_others(services: Services, pump: Any) -> None:
    for number in range(40):
        services.doorbells.ring(Errand("post", "slow", f"thing-{number}"))
    busy, done, go_on = list[str](), threading.Event(), threading.Event()

    def handle(body: str, receipt: str) -> None:
        if read_bell(body).tenant == "quick":
            done.set()
            return
        busy.append(body)
        go_on.wait(30)

    pump(handle, workers=LANES + 1)
    wait_for(lambda: len(busy) == LANES, "every lane to be taken")
    services.doorbells.ring(Errand("post", "quick", "thing"))
    assert done.wait(10)
    assert len(busy) == LANES
    go_on.set()
