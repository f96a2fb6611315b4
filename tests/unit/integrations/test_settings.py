"""A provider is configured when everything about its app is there."""

from collections import defaultdict

import pytest

from chalicelib.integrations.settings import NAMES, IntegrationSettings

GITHUB = {
    "LAMBENT_GITHUB_CLIENT_ID": "id",
    "LAMBENT_GITHUB_CLIENT_SECRET": "secret",
    "LAMBENT_GITHUB_WEBHOOK_SECRET": "hook",
    "LAMBENT_GITHUB_APP_SLUG": "bot",
    "LAMBENT_GITHUB_PRIVATE_KEY": "one\\ntwo",
}


def test_nothing_is_configured_by_itself() -> None:
    settings = IntegrationSettings.from_env({})
    assert not settings.any_configured
    assert settings.sites["github"].api_url == "https://api.github.com"


def test_an_app_is_read() -> None:
    settings = IntegrationSettings.from_env(GITHUB | {"LAMBENT_GITHUB_API_URL": "https://git.example.com/api/v3/"})
    site = settings.sites["github"]
    assert settings.any_configured
    assert site.app is not None
    assert (site.app.id, site.app.key, site.api_url) == ("id", "one\ntwo", "https://git.example.com/api/v3")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("missing", sorted(GITHUB))
def test_an_app_is_whole_or_not_there(missing: str) -> None:
    settings = IntegrationSettings.from_env({name: value for name, value in GITHUB.items() if name != missing})
    assert settings.sites["github"].app is None


def test_the_names_are_those_that_are_read() -> None:
    asked: set[str] = set()

    class Asked(defaultdict[str, str]):
        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            asked.add(name)
            return default

    IntegrationSettings.from_env(Asked())
    assert asked == NAMES
