"""The web search tool against local stand-ins for each service's HTTP interface."""

import json
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.engine.urls import seen
from chalicelib.outbound.guard import Outbound
from chalicelib.tools.search.settings import provider_from
from chalicelib.tools.web_search import NONE_FOUND, WebSearch
from tests.functional.outbound.web import Handler, Seen, Web, answer, fixed, serving
from tests.functional.tools.contexts import context, error_of
from tests.functional.tools.sandboxes import text_of

PAGES = [
    ("Rust <strong>book</strong> &amp; more", "https://doc.rust-lang.org/book/", "The  book\nabout Rust"),
    ("Blog", "https://blog.example.com/rust?a=1", "A post"),
    ("Elsewhere", "http://other.test/x", ""),
]
FIELDS = {"searxng": "content", "tavily": "content", "brave": "description"}
SERVICES = sorted(FIELDS)
LIMITED = {"config": {"networking": {"type": "limited", "allowed_hosts": ["*.example.com"]}}}


def _body(service: str) -> bytes:
    results = [{"title": title, "url": url, FIELDS[service]: text} for title, url, text in PAGES]
    return json.dumps({"web": {"results": results}} if service == "brave" else {"results": results}).encode()


def _found(service: str) -> Handler:
    return fixed(answer(_body(service), Content_Type="application/json"))


def _tool(service: str, web: Web) -> WebSearch:
    env = {"LAMBENT_SEARCH_PROVIDER": service, "LAMBENT_SEARCH_URL": web.url("/api"), "LAMBENT_SEARCH_KEY": "k-1"}
    return WebSearch(lambda: provider_from(env))


def _agent(**web_search: Any) -> dict[str, Any]:
    return {"tools": [{"type": "agent_toolset_20260401", "configs": [{"name": "web_search", **web_search}]}]}


def _asked(seen: Seen) -> dict[str, str]:
    """What a request asks, wherever it says so."""
    fields = parse_qs(urlsplit(seen.target).query) if seen.method == "GET" else {}
    return {name: values[0] for name, values in fields.items()} or json.loads(seen.body)


@pytest.mark.parametrize("service", SERVICES)
def test_pages_are_given_as_text(service: str) -> None:
    with serving(_found(service)) as web:
        output = _tool(service, web).run(context(), {"query": "rust book"})
    title = "Rust book & more" if service == "brave" else PAGES[0][0]
    assert text_of(output) == (
        f"1. {title}\nhttps://doc.rust-lang.org/book/\nThe book about Rust\n\n"
        "2. Blog\nhttps://blog.example.com/rust?a=1\nA post\n\n"
        "3. Elsewhere\nhttp://other.test/x"
    )


def test_a_page_found_may_be_fetched() -> None:
    with serving(_found("searxng")) as web:
        output = _tool("searxng", web).run(context(), {"query": "rust"})
    result = {"type": "tool_result", "tool_use_id": "u", "content": output.content}
    messages = [{"role": "user", "content": [result]}]
    for _, url, _ in PAGES:
        assert seen(messages, frozenset(), url, {})


def test_searxng_is_asked_for_json() -> None:
    with serving(_found("searxng")) as web:
        _tool("searxng", web).run(context(), {"query": "a b"})
    (request,) = web.requests
    assert (request.method, urlsplit(request.target).path) == ("GET", "/api/search")
    assert (_asked(request)["q"], _asked(request)["format"]) == ("a b", "json")
    assert request.headers["authorization"] == "Bearer k-1"


def test_brave_is_asked_with_its_key_and_the_users_place() -> None:
    place = {"type": "approximate", "city": "Zürich", "country": "CH", "timezone": "Europe/Zurich"}
    with serving(_found("brave")) as web:
        _tool("brave", web).run(context(agent=_agent(user_location=place)), {"query": "weather", "max_results": 50})
    (request,) = web.requests
    assert _asked(request) == {"q": "weather", "count": "20", "country": "CH"}
    assert request.headers["x-subscription-token"] == "k-1"
    assert request.headers["x-loc-city"] == "Z%C3%BCrich"
    assert request.headers["x-loc-timezone"] == "Europe/Zurich"


def test_tavily_is_asked_with_its_key_and_the_domains() -> None:
    with serving(_found("tavily")) as web:
        _tool("tavily", web).run(context(agent=_agent(allowed_domains=["example.com"])), {"query": "x"})
    (request,) = web.requests
    assert (request.method, request.headers["authorization"]) == ("POST", "Bearer k-1")
    assert _asked(request) == {"query": "x", "max_results": 10, "include_domains": ["example.com"]}


@pytest.mark.parametrize("service", ["searxng", "brave"])
def test_domains_are_asked_for_in_words(service: str) -> None:
    with serving(_found(service)) as web:
        tool = _tool(service, web)
        tool.run(context(agent=_agent(allowed_domains=["a.test", "b.test"])), {"query": "x"})
        tool.run(context(agent=_agent(blocked_domains=["a.test"])), {"query": "x"})
        tool.run(context(environment=LIMITED), {"query": "x"})
    assert [_asked(request)["q"] for request in web.requests] == [
        "x (site:a.test OR site:b.test)",
        "x -site:a.test",
        "x site:example.com",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_a_part_of_a_site_is_asked_for_by_its_host(service: str) -> None:
    with serving(_found(service)) as web:
        tool = _tool(service, web)
        tool.run(context(agent=_agent(allowed_domains=["a.test/one", "a.test/two"])), {"query": "x"})
        tool.run(context(agent=_agent(blocked_domains=["a.test/one", "b.test"])), {"query": "x"})
    wanted, unwanted = (
        [asked.get("include_domains"), asked.get("exclude_domains"), asked.get("q")]
        for asked in map(_asked, web.requests)
    )
    if service == "tavily":
        assert (wanted[0], unwanted[1]) == (["a.test"], ["b.test"])
    else:
        assert (wanted[2], unwanted[2]) == ("x site:a.test", "x -site:b.test")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("overrides", "hosts"),
    [
        ({"agent": _agent(allowed_domains=["example.com"])}, ["blog.example.com"]),
        ({"agent": _agent(blocked_domains=["rust-lang.org", "other.test"])}, ["blog.example.com"]),
        (
            {"agent": {"tools": [{"type": "web_search_20250305", "allowed_domains": ["example.com"]}]}},
            ["blog.example.com"],
        ),
        ({"agent": _agent(allowed_domains=["rust-lang.org/book", "example.com/other"])}, ["doc.rust-lang.org"]),
        ({"agent": _agent(allowed_domains=["rust-lang.org/boo", "other.test/x/"])}, ["other.test"]),
        (
            {"agent": _agent(blocked_domains=["rust-lang.org/book/", "other.test/y"])},
            ["blog.example.com", "other.test"],
        ),
        ({"environment": LIMITED}, ["blog.example.com"]),
        ({"environment": {"config": {"networking": {"type": "limited", "allowed_hosts": []}}}}, []),
        (
            {"environment": {"config": {"networking": {"type": "unrestricted"}}}},
            [urlsplit(p[1]).hostname for p in PAGES],
        ),
    ],
)
def test_pages_of_other_hosts_are_left_out(service: str, overrides: dict[str, Any], hosts: list[str]) -> None:
    with serving(_found(service)) as web:
        text = text_of(_tool(service, web).run(context(**overrides), {"query": "rust"}))
    shown = [urlsplit(line).hostname for line in text.splitlines() if line.startswith("http")]
    assert shown == hosts
    assert hosts or text == NONE_FOUND


@pytest.mark.parametrize("service", SERVICES)
def test_as_many_pages_as_asked_for(service: str) -> None:
    with serving(_found(service)) as web:
        text = text_of(_tool(service, web).run(context(), {"query": "rust", "max_results": 1}))
    assert "1. " in text
    assert "2. " not in text


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        (fixed(answer(b"{}")), NONE_FOUND),
        (fixed(answer(b'{"results": [5, {"url": "ftp://x"}, {}], "web": 5}')), NONE_FOUND),
        (fixed(answer(b"<html>")), "unavailable: the search service did not answer with a JSON object."),
        (fixed(answer(b"[]")), "unavailable: the search service did not answer with a JSON object."),
        (fixed(answer(status="429 Too Many Requests")), "too_many_requests: "),
        (
            fixed(answer(status="401 Unauthorized")),
            "unavailable: the search service does not accept this server's key.",
        ),
        (fixed(answer(status="500 Oops")), "unavailable: the search service answered 500."),
        (
            fixed(answer(status="302 Found", Location="https://evil.test/")),
            "unavailable: the search service answered 302.",
        ),
    ],
)
@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_answers_amiss(service: str, handler: Handler, says: str) -> None:
    with serving(handler) as web:
        output = _tool(service, web).run(context(), {"query": "x"})
    assert says in (error_of(output) if output.is_error else text_of(output))
    assert "k-1" not in text_of(output)


def test_a_service_out_of_reach_is_an_error_result() -> None:
    with serving(fixed(b"")) as web:
        tool = _tool("searxng", web)
        assert "unavailable: the search service cannot be reached." in error_of(tool.run(context(), {"query": "x"}))
        private = context(outbound=Outbound())
        assert "may not be called" in error_of(tool.run(private, {"query": "x"}))


def test_a_cancelled_search_ends_at_once() -> None:
    cancelled = threading.Event()
    with serving(lambda _, __: time.sleep(5)) as web:
        threading.Timer(0.2, cancelled.set).start()
        began = time.monotonic()
        assert _tool("searxng", web).run(context(cancelled=cancelled), {"query": "x"}).is_error
    assert time.monotonic() - began < 2


def test_without_a_service_there_is_an_error_result(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROVIDER", "URL", "KEY"):
        monkeypatch.delenv(f"LAMBENT_SEARCH_{name}", raising=False)
    assert "this server has no search service" in error_of(WebSearch().run(context(), {"query": "x"}))
    monkeypatch.setenv("LAMBENT_SEARCH_PROVIDER", "brave")
    assert "LAMBENT_SEARCH_KEY is needed" in error_of(WebSearch().run(context(), {"query": "x"}))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"query": ""}, {"query": "  "}, {"query": 5}, {"query": "x" * 1001}, {"query": "x", "max_results": 0}],
)
def test_wrong_arguments_are_an_error_result(arguments: dict[str, Any]) -> None:
    assert "invalid_input" in error_of(WebSearch(lambda: None).run(context(), arguments))
