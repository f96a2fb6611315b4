"""Who may sign in, and where people may be sent back to."""

from urllib.parse import urljoin, urlsplit

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.signin.addresses import AllowList, checked_path, destination

LIST = AllowList(["example.com", "@team.example", "ada@elsewhere.org"])


@pytest.mark.parametrize(
    "email", ["ada@example.com", "Ada@EXAMPLE.com", "a@team.example", "ada@elsewhere.org", "ADA@Elsewhere.ORG"]
)
def test_addresses_and_domains_let_people_in(email: str) -> None:
    assert LIST.permits(email)


@pytest.mark.parametrize(
    "email",
    [
        "ada@notexample.com",
        "ada@example.com.evil.net",
        "ada@sub.example.com",
        "ada@example.com@evil.net",
        "ada@evil.net@example.com",
        "example.com",
        "@example.com",
        "ada@",
        "",
        "ada@example.com ",
        "ada@exa\nmple.com",
        "ada@evil.net\n@example.com",
        "bob@elsewhere.org",
        "ada@example.co",
        "ada@example.com.",
        "ada@ex\u0430mple.com",
        "ada@\uff45xample.com",
    ],
)
def test_addresses_that_only_look_like_it_do_not(email: str) -> None:
    assert not LIST.permits(email)


def test_letters_that_lose_their_case_into_ascii_do_not_count_as_such() -> None:
    assert not AllowList(["kite.org"]).permits("ada@\u212aite.org")


def test_nobody_is_let_in_by_an_empty_list_and_everybody_by_a_star() -> None:
    assert not AllowList([]).permits("ada@example.com")
    assert AllowList(["*"]).permits("ada@example.com")
    assert not AllowList(["*"]).permits("no address")


BAD_PATHS = [
    "https://evil.net",
    "http://evil.net/",
    "HTTPS://evil.net",
    "//evil.net",
    "///evil.net",
    "////evil.net",
    "/\\evil.net",
    "\\\\evil.net",
    "\\/evil.net",
    "/a\\b",
    "/\t/evil.net",
    "/\n/evil.net",
    "/\r\nlocation: https://evil.net",
    " //evil.net",
    " /sessions",
    "/ /evil.net",
    "\t//evil.net",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.net",
    "@evil.net",
    ".evil.net",
    ":443@evil.net",
    "https:evil.net",
    "https:/evil.net",
    "?next=//evil.net",
    "#//evil.net",
    "/\x00",
    "/\u3002evil.net",
    "/\uff0fevil.net",
    "/\u2028",
    "/" + "a" * 2000,
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_nobody_is_sent_elsewhere(path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_path(path)
    assert refused.value.field == "return_to"


@pytest.mark.parametrize(
    "path",
    ["/", "/sessions", "/a/b?c=d&e=/f#g", "/a//b", "/%2f%2fevil.net", "/.//evil.net", "/..//evil.net", "/@evil.net"],
)
def test_whatever_path_passes_stays_on_the_consoles_host(path: str) -> None:
    place = destination("https://console.example.com/app", checked_path(path))
    assert urlsplit(urljoin("https://agents.example.com/", place)).netloc == "console.example.com"


def test_without_a_path_people_come_to_the_console() -> None:
    assert checked_path(None) == checked_path("") == ""
    assert destination("https://console.example.com/app", "") == "https://console.example.com/app"
