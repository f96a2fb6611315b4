"""Settings that hold secrets: which variable counts, what is refused, and that they are not shown."""

import pytest

from chalicelib.core.settings import Settings


@pytest.mark.parametrize("name", ["LAMBENT_ROOT_SECRET", "PLATFORM_ROOT_SECRET"])
def test_the_root_secret_has_two_names(name: str) -> None:
    assert Settings.from_env({name: "long-enough-to-be-one"}).root_secret == "long-enough-to-be-one"


def test_the_products_own_name_counts_first() -> None:
    env = {"LAMBENT_ROOT_SECRET": "the-first-of-the-two", "PLATFORM_ROOT_SECRET": "the-second-of-the-two"}
    assert Settings.from_env(env).root_secret == "the-first-of-the-two"


def test_a_short_root_secret_stops_the_process_without_being_shown() -> None:
    with pytest.raises(ValueError, match="LAMBENT_ROOT_SECRET must have at least") as refused:
        Settings.from_env({"LAMBENT_ROOT_SECRET": "short-one"})
    assert "short-one" not in str(refused.value)


def test_settings_as_text_do_not_hold_the_root_secret() -> None:
    assert "long-enough" not in repr(Settings.from_env({"LAMBENT_ROOT_SECRET": "long-enough-to-be-one"}))
