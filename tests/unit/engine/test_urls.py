"""Addresses count as seen only as a whole and from the sources an agent allows."""

from typing import Any

import pytest

from chalicelib.engine.urls import rules_of, seen

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "text", "text": "Read https://a.example/page, then go on."}]},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I think https://invented.example/ is good"},
            {"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": {"url": "https://input.example"}},
            {"type": "tool_use", "id": "toolu_2", "name": "web_fetch", "input": {}},
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "toolu_1",
                "content": [{"type": "text", "text": "(https://b.example/x)"}],
            },
            {
                "type": "tool_result",
                "tool_use_id": "toolu_2",
                "content": [{"type": "document", "source": {"type": "text", "data": "see https://c.example/y#part"}}],
            },
        ],
    },
]
CLIENT = frozenset({"lookup"})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/page", True),
        ("https://a.example/page/", True),
        ("https://a.example/pag", False),
        ("https://a.example/page/more", False),
        ("https://b.example/x", True),
        ("https://c.example/y", True),
        ("https://invented.example/", False),
        ("https://input.example", False),
    ],
)
def test_only_whole_addresses_said_by_others_than_the_model_count(url: str, shown: bool) -> None:
    assert seen(MESSAGES, CLIENT, url, {}) is shown


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("user_input", "https://a.example/page"),
        ("client_tool_results", "https://b.example/x"),
        ("server_tool_results", "https://c.example/y"),
    ],
)
def test_a_source_that_is_switched_off_shows_nothing(source: str, url: str) -> None:
    assert seen(MESSAGES, CLIENT, url, {source: {"type": "all"}})
    assert not seen(MESSAGES, CLIENT, url, {source: {"type": "none"}})


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("see https://a.test/Foo_(bar).", "https://a.test/Foo_(bar)", True),
        ("[Foo](https://a.test/Foo_(bar))", "https://a.test/Foo_(bar)", True),
        ("(https://a.test/x.)", "https://a.test/x", True),
        ("[x](https://a.test/x)", "https://a.test/x", True),
        ("at http://[::1]:8000/x]", "http://[::1]:8000/x", True),
        ("**https://a.test/x**", "https://a.test/x", True),
        ("| https://a.test/x|", "https://a.test/x", True),
        ("it's 'https://a.test/o'clock'", "https://a.test/o'clock", True),
        ("请看https://a.test/x。谢谢", "https://a.test/x", True),
        ("“https://a.test/x”", "https://a.test/x", True),
        ('{"url":"https://a.test/x/"}', "https://a.test/x", True),
        ("https://a.test/x.html", "https://a.test/x", False),
        ("https://a.test/x?q=1", "https://a.test/x", False),
        ("https://a.test/x/y", "https://a.test/x", False),
        ("https://a.test.evil/", "https://a.test", False),
        ("https://a.test/Foo_(bar)", "https://a.test/Foo_", False),
    ],
)
def test_what_stands_around_an_address_is_no_part_of_it(text: str, url: str, shown: bool) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": text}]}]
    assert seen(messages, CLIENT, url, {}) is shown


def test_tools_may_be_named_or_left_out() -> None:
    named = {"tools": [{"type": "tool_reference", "name": "lookup"}]}
    other = {"tools": [{"type": "tool_reference", "name": "another"}]}
    for rule, shown in (
        ({"type": "only", **named}, True),
        ({"type": "only", **other}, False),
        ({"type": "except", **named}, False),
        ({"type": "except", **other}, True),
    ):
        assert seen(MESSAGES, CLIENT, "https://b.example/x", {"client_tool_results": rule}) is shown


def test_the_rules_stand_in_the_tools_own_configuration() -> None:
    rules = {"user_input": {"type": "none"}}
    config = {"name": "web_fetch", "enabled": True, "url_sources": rules}
    agent = {"tools": [{"type": "agent_toolset_20260401", "configs": [config]}]}
    assert rules_of(agent, "web_fetch") == rules
    assert rules_of({"tools": []}, "web_fetch") == {}
