"""Names of foreign tools: readable, taken by every provider, one for each tool, the same every time."""

import re

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mcp.naming import LONGEST, offered_name, split

NAMES = st.text(min_size=1, max_size=200)


def test_a_plain_name_is_built_of_both_names() -> None:
    assert offered_name("my__site", "echo") == "mcp__my__site__echo"


def test_names_that_look_alike_after_cleaning_are_told_apart() -> None:
    assert offered_name("site", "a.b") != offered_name("site", "a/b")
    assert offered_name("site", "x" * 100) != offered_name("site", "x" * 101)


def test_a_name_that_is_taken_gets_a_mark() -> None:
    first = offered_name("a__b", "c")
    second = offered_name("a", "b__c", {first})
    assert first == "mcp__a__b__c"
    assert second.startswith("mcp__a__b__c_")


@given(NAMES, NAMES)
def test_every_name_is_safe_and_stays_the_same(server: str, tool: str) -> None:
    name = offered_name(server, tool)
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST}}}", name)
    assert name == offered_name(server, tool)


def test_a_name_not_offered_is_traced_to_its_server() -> None:
    servers = ["a", "a__b", "with space"]
    assert split("mcp__a__b__c", servers) == ("a__b", "c")
    assert split("mcp__a__c", servers) == ("a", "c")
    assert split("mcp__with_space__c", servers) == ("with space", "c")
    assert split("mcp__other__c", servers) is None
    assert split("mcp__a__", servers) is None
    assert split("bash", servers) is None
