"""A host of isolated boxes for the tests of this folder."""

from collections.abc import Iterator

import pytest

from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.local import LocalHost
from tests.functional.sandbox.box.inside import isolated, passable


@pytest.fixture(scope="module")
def settings() -> Iterator[BoxSettings]:
    """Isolation with a scratch directory of its own; the test is skipped where there is none to be had."""
    with passable() as scratch:
        yield isolated(BoxSettings(scratch=scratch))


@pytest.fixture(scope="module")
def host(settings: BoxSettings) -> Iterator[LocalHost]:
    """One host for the tests of a module."""
    one = LocalHost(settings)
    yield one
    one.close()
