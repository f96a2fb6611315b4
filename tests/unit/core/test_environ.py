"""Readers of settings: what counts as none, and which values are refused."""

import pytest

from chalicelib.core.environ import flag, whole, words


@pytest.mark.parametrize("env", [{}, {"N": ""}, {"N": "  "}])
def test_nothing_and_blanks_leave_the_default(env: dict[str, str]) -> None:
    assert whole(env, "N", 7) == 7
    assert flag(env, "N", default=True) is True
    assert words(env, "N") == ()


def test_values_are_read_without_the_blanks_around_them() -> None:
    assert whole({"N": " 0012 "}, "N", 7) == 12
    assert words({"N": " a, b ,,c "}, "N") == ("a", "b", "c")
    assert [flag({"N": text}, "N", default=False) for text in ("TRUE", "1", "false", "0")] == [True, True, False, False]


@pytest.mark.parametrize("text", ["-1", "1.5", "many", "²", "1 2"])
def test_what_is_no_whole_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="N must be a whole number"):
        whole({"N": text}, "N", 7)


@pytest.mark.parametrize(("text", "reason"), [("1", "2 or more and at most 9, not 1"), ("10", "at most 9, not 10")])
def test_numbers_keep_to_their_bounds(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        whole({"N": text}, "N", 7, least=2, most=9)


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(ValueError, match="N must be true or false, not 'yes'"):
        flag({"N": "yes"}, "N", default=True)
