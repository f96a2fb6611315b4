"""The list of tests that take long names what there is."""

import pytest

from tests.conftest import LONG, TESTS


@pytest.mark.parametrize("place", LONG)
def test_it_names_what_there_is(place: str) -> None:
    assert (TESTS / place).exists()
