"""How signing in is set up."""

import pytest

from chalicelib.signin.settings import SignInSettings


def test_nothing_is_on_unless_the_operator_says_so() -> None:
    settings = SignInSettings.from_env({})
    assert (settings.provider, settings.configured, settings.allow) == ("google", False, ())


def test_a_client_and_its_secret_make_it_work() -> None:
    env = {"LAMBENT_SIGN_IN_CLIENT_ID": "a", "LAMBENT_SIGN_IN_CLIENT_SECRET": "b"}
    assert SignInSettings.from_env(env).configured
    assert not SignInSettings.from_env({"LAMBENT_SIGN_IN_CLIENT_ID": "a"}).configured


def test_the_secret_is_not_shown() -> None:
    assert "hidden words" not in repr(SignInSettings.from_env({"LAMBENT_SIGN_IN_CLIENT_SECRET": "hidden words"}))


@pytest.mark.parametrize(
    "url", ["http://idp.example.com/token", "ftp://x", "idp", "https://", "https://u:p@idp.example"]
)
def test_secrets_cross_no_network_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="LAMBENT_SIGN_IN_TOKEN_URL"):
        SignInSettings.from_env({"LAMBENT_SIGN_IN_TOKEN_URL": url})


@pytest.mark.parametrize(
    ("name", "value"), [("LAMBENT_SIGN_IN_PROVIDER", "a/b"), ("LAMBENT_SIGN_IN_MAKES_TENANTS", "maybe")]
)
def test_what_cannot_be_meant_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        SignInSettings.from_env({name: value})
