import pytest

from chalicelib.tools.search.brave import Brave
from chalicelib.tools.search.searxng import SearxNG
from chalicelib.tools.search.settings import provider_from
from chalicelib.tools.search.tavily import Tavily


@pytest.mark.parametrize(
    ("env", "provider"),
    [
        ({}, None),
        ({"URL": "http://s:8080"}, SearxNG("http://s:8080")),
        ({"PROVIDER": "SearXNG", "URL": "http://s", "KEY": "k"}, SearxNG("http://s", "k")),
        ({"PROVIDER": "brave", "KEY": "k"}, Brave("k")),
        ({"PROVIDER": "brave", "KEY": "k", "URL": "http://b"}, Brave("k", "http://b")),
        ({"PROVIDER": "tavily", "KEY": "k"}, Tavily("k")),
        ({"KEY": "k"}, None),
    ],
)
def test_the_settings_choose_the_service(env: dict[str, str], provider: object) -> None:
    assert provider_from({f"LAMBENT_SEARCH_{name}": value for name, value in env.items()}) == provider


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"PROVIDER": "altavista", "KEY": "k"}, "PROVIDER"),
        ({"PROVIDER": "brave"}, "KEY"),
        ({"PROVIDER": "tavily", "URL": "http://t"}, "KEY"),
        ({"PROVIDER": "searxng", "KEY": "k"}, "URL"),
    ],
)
def test_what_is_missing_is_named(env: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=f"LAMBENT_SEARCH_{named}"):
        provider_from({f"LAMBENT_SEARCH_{name}": value for name, value in env.items()})
