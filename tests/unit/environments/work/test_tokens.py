"""Session tokens say whose they are and cannot be guessed."""

import pytest

from chalicelib.core.ids import new_id
from chalicelib.environments.work.credentials import is_worker_secret
from chalicelib.environments.work.tokens import TokenName, name_of

NAME = TokenName(new_id(), new_id(), new_id(), 7)


def test_a_token_names_the_offer_it_belongs_to() -> None:
    assert name_of(NAME.mint()) == NAME


def test_two_tokens_of_one_offer_differ_in_a_long_random_part() -> None:
    one, two = NAME.mint().rsplit("_7_", 1)[1], NAME.mint().rsplit("_7_", 1)[1]
    assert one != two
    assert min(len(one), len(two)) >= 43


@pytest.mark.parametrize(
    "text",
    ["", "lmbs_", "lmb_" + "a" * 40, NAME.mint().upper(), NAME.mint()[:100], NAME.mint() + "!", "x" + NAME.mint()],
    ids=["nothing", "prefix", "other", "upper", "cut", "longer", "shifted"],
)
def test_anything_else_names_nothing(text: str) -> None:
    assert name_of(text) is None


def test_only_the_secrets_of_workers_look_like_them() -> None:
    assert is_worker_secret(NAME.mint())
    assert is_worker_secret("lmbe_whatever")
    assert not is_worker_secret("lmb_" + "e" * 40)
