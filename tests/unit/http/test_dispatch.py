"""The table of routes."""

import re
from dataclasses import dataclass

import pytest

from chalicelib.http.dispatch import BadPath, RouteClash, RouteTable, parameters_of, shape_of


@dataclass(frozen=True)
class Row:
    path: str
    methods: tuple[str, ...] = ("GET",)
    owner: str = "one"


def table(*rows: Row) -> RouteTable[Row]:
    return RouteTable(rows)


def test_a_literal_is_found_before_a_parameter() -> None:
    found = table(Row("/a/{x}"), Row("/a/b")).find("GET", "/a/b")
    assert found.entry == Row("/a/b")
    assert found.parameters == {}


def test_a_way_that_ends_nowhere_is_left_for_another() -> None:
    routes = table(Row("/a/b/c"), Row("/a/{x}/d"), Row("/{y}/b/e"))
    assert routes.find("GET", "/a/b/d").parameters == {"x": "b"}
    assert routes.find("GET", "/a/b/e").parameters == {"y": "a"}


def test_methods_of_all_ways_are_allowed() -> None:
    found = table(Row("/a/b", ("GET",)), Row("/a/{x}", ("DELETE", "PUT"))).find("POST", "/a/b")
    assert found.entry is None
    assert found.allowed == ("DELETE", "GET", "PUT")


def test_unknown_paths_allow_nothing() -> None:
    routes = table(Row("/a/{x}"), Row("/"))
    for path in ("/a", "/a/", "/a/b/", "/a/b/c", "", "//", "/b"):
        assert routes.find("GET", path).allowed == ()
    assert routes.find("GET", "/").entry == Row("/")


def test_parameters_are_decoded_after_the_path_is_cut() -> None:
    routes = table(Row("/a/{x}/c"), Row("/a/b c"))
    assert routes.find("GET", "/a/b%2Fb/c").parameters == {"x": "b/b"}
    assert routes.find("GET", "/a/b%20c").entry == Row("/a/b c")
    assert routes.find("GET", "/a/%FF/c").parameters == {"x": "\N{REPLACEMENT CHARACTER}"}


def test_the_rest_of_a_path_is_taken_last() -> None:
    routes = table(Row("/f/{id}/{path:path}"), Row("/f/{id}/list"))
    assert routes.find("GET", "/f/1/list").entry == Row("/f/{id}/list")
    assert routes.find("GET", "/f/1/list/x").parameters == {"id": "1", "path": "list/x"}
    assert routes.find("GET", "/f/1").entry is None


def test_two_owners_of_one_route_are_refused() -> None:
    with pytest.raises(RouteClash, match=re.escape("GET /a/{y} of door 'two' is taken by /a/{x} of door 'one'")):
        table(Row("/a/{x}"), Row("/a/{y}", owner="two"))


@pytest.mark.parametrize("path", ["a", "/a/", "/a{x}", "/{x}.json", "/{1}", "/{x:path}/a", "/{x:int}"])
def test_paths_that_cannot_be_read_are_refused(path: str) -> None:
    with pytest.raises(BadPath):
        table(Row(path))


def test_shapes_leave_out_names() -> None:
    assert shape_of("/a/{x}/{rest:path}") == "/a/{parameter}/{rest}"
    assert parameters_of("/a/{x}/{rest:path}") == ("x", "rest")
