"""Computers whose start is broken off, or takes long, while others wait for them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.sandbox.computers import Computers, Live
from chalicelib.sandbox.model import Sandbox, SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.support.mortal import Died, dying
from tests.support.patience import PATIENCE

SPACE = Space(new_id())


def test_who_dies_over_a_start_keeps_nobody_waiting_for_long(
    services: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.sandbox.computers._CLAIM_MS", 1_000)
    made = services.sandboxes.ensure(SPACE, SandboxDraft("e2b"))
    mortal = dying(settings, 1)
    with pytest.raises(Died):
        mortal.sandboxes.live(SPACE, made.id)
    begun = time.monotonic()
    assert services.sandboxes.live(SPACE, made.id).sandbox.boots == 2
    assert time.monotonic() - begun < PATIENCE
    services.close()


def test_a_start_that_takes_long_is_not_begun_twice(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.sandbox.computers._CLAIM_MS", 600)
    monkeypatch.setattr("chalicelib.sandbox.computers._BEAT_SECONDS", 0.1)
    made, begun, go_on = services.sandboxes.ensure(SPACE, SandboxDraft("e2b")), threading.Event(), threading.Event()
    start = Computers._start

    def slowly(self: Computers, space: Space, sandbox: Sandbox, boot: str, hold_ms: int) -> Live:
        begun.set()
        assert go_on.wait(PATIENCE)
        return start(self, space, sandbox, boot, hold_ms)

    monkeypatch.setattr(Computers, "_start", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(services.sandboxes.live, SPACE, made.id)
        assert begun.wait(PATIENCE)
        second = pool.submit(services.sandboxes.live, SPACE, made.id)
        # Longer than a claim holds that nobody renews.
        time.sleep(1.5)
        go_on.set()
        assert first.result(PATIENCE).boot == second.result(PATIENCE).boot
    assert services.sandboxes.get(SPACE, made.id).boots == 1
    services.close()
