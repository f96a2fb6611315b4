"""Repositories are cloned by commands of the inside, which may have been told by the workspace to do as they like."""

import tracemalloc
from collections.abc import Iterator

import pytest

from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.local import LocalHost
from chalicelib.sandbox.profile import Checkout
from chalicelib.sandbox.sessions import checkouts
from tests.functional.sandbox.box.inside import Inside, computer, isolated, passable

_PLACE = Checkout("/workspace/source", "/workspace/clone")
_SOURCE = "git init -q source && cd source && git -c user.name=a -c user.email=a commit -q --allow-empty -m a"
_HOOK = """
mkdir hooks && git config --global core.hooksPath /workspace/hooks
printf '#!/bin/sh\\n%s\\n' '{}' > hooks/post-checkout && chmod 755 hooks/*
"""


@pytest.fixture
def inside() -> Iterator[Inside]:
    """A computer with a repository in it."""
    with passable() as scratch:
        host = LocalHost(isolated(BoxSettings(scratch=scratch)))
        try:
            with computer(host) as one:
                assert one.run(f"({_SOURCE})").code == 0
                yield one
        finally:
            host.close()


def test_what_a_clone_says_without_end_is_not_held(inside: Inside) -> None:
    inside.run(_HOOK.format('head -c 48000000 /dev/zero | tr "\\\\0" x >&2; exit 1'))
    tracemalloc.start()
    try:
        (told,) = checkouts.put(inside.guest, [_PLACE])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told.startswith("The repository /workspace/source could not be cloned to /workspace/clone: xxxx")
    assert len(told) < 1000
    assert most < 24_000_000


def test_a_clone_that_does_not_end_is_given_up(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkouts, "_LONGEST_MS", 1500)
    inside.run(_HOOK.format("while sleep 0.1; do echo on >&2; done"))
    (told,) = checkouts.put(inside.guest, [_PLACE])
    assert told.startswith("The repository /workspace/source could not be cloned")
    assert inside.answers()
