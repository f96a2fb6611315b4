import string

import pytest

from chalicelib.tenants.errors import UnknownScope
from chalicelib.tenants.model import checked_scopes, digest_of, new_secret, shown_part


def test_a_secret_has_a_prefix_and_forty_random_letters_and_digits() -> None:
    secret = new_secret()
    assert secret.startswith("lmb_")
    assert len(secret) == 44
    assert set(secret[4:]) <= set(string.ascii_letters + string.digits)
    assert new_secret() != secret


def test_the_shown_part_is_eight_characters_long() -> None:
    assert shown_part("lmb_abcdefgh") == "lmb_abcd"


def test_a_digest_is_the_sha256_of_the_secret() -> None:
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_scopes_are_unique_and_in_the_usual_order() -> None:
    assert checked_scopes(["keys", "read", "read"]) == ("read", "keys")


@pytest.mark.parametrize("wanted", [[], ["root"], ["read", "fly"]])
def test_scopes_that_do_not_exist_are_refused(wanted: list[str]) -> None:
    with pytest.raises(UnknownScope):
        checked_scopes(wanted)
