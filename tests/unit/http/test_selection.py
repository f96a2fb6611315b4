"""Routes that are only for requests of a kind."""

from collections.abc import Mapping

import pytest

from chalicelib.core.errors import LambentError
from chalicelib.doors.common import render_error
from chalicelib.http.dispatch import RouteClash
from chalicelib.http.endpoint import endpoints
from chalicelib.http.openapi import document
from chalicelib.http.route import Answer, Call, Condition, Door, Route
from chalicelib.http.selection import Selection


def marked(headers: Mapping[str, str]) -> bool:
    return "mark" in headers


def starred(headers: Mapping[str, str]) -> bool:
    return "star" in headers


def handler(_: Call) -> Answer:
    raise LambentError("not called")


def route(path: str, name: str, when: Condition | None = None, methods: tuple[str, ...] = ("GET",)) -> Route:
    return Route(methods, path, handler, name, scope=None, when=when)


def door(*routes: Route) -> Door:
    return Door("one", routes, render_error)


def chosen(selection: Selection, path: str, *names: str, method: str = "GET") -> str | None:
    entry = selection.find(method, path, dict.fromkeys(names, "")).entry
    return None if entry is None else entry.route.summary


def test_a_condition_that_holds_goes_first() -> None:
    selection = Selection(endpoints([door(route("/a", "usual"), route("/a", "special", marked))]))
    assert chosen(selection, "/a") == "usual"
    assert chosen(selection, "/a", "mark") == "special"


def test_conditions_are_tried_in_the_order_of_the_routes() -> None:
    rows = route("/{rest:path}", "star", starred), route("/a", "mark", marked), route("/a", "usual")
    selection = Selection(endpoints([door(*rows)]))
    assert chosen(selection, "/a", "mark", "star") == "star"
    assert chosen(selection, "/a", "mark") == "mark"
    assert chosen(selection, "/b") is None


def test_a_condition_without_a_route_for_the_path_leaves_it_to_the_others() -> None:
    selection = Selection(endpoints([door(route("/a", "usual"), route("/b", "special", marked))]))
    assert chosen(selection, "/a", "mark") == "usual"


def test_a_special_path_with_other_methods_does_not_fall_through() -> None:
    selection = Selection(endpoints([door(route("/a", "usual"), route("/a", "special", marked, ("POST",)))]))
    assert chosen(selection, "/a", "mark") is None
    assert selection.find("GET", "/a", {"mark": ""}).allowed == ("POST",)


def test_two_routes_of_one_kind_clash() -> None:
    with pytest.raises(RouteClash):
        Selection(endpoints([door(route("/a", "one", marked), route("/a", "two", marked))]))


def test_the_document_shows_the_usual_route_alone() -> None:
    shown = document([door(route("/a", "usual"), route("/a", "special", marked))])
    assert shown["paths"]["/a"]["get"]["summary"] == "usual"
