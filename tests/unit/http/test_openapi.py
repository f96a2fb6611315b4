"""The OpenAPI document of a table with every kind of route."""

import json
from typing import Any

import pytest
from openapi_spec_validator import validate

from chalicelib.doors import common
from chalicelib.http.openapi import document
from chalicelib.http.route import Answer, Door, Route
from tests.functional.http.standins import DOOR, ROUTES


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return document((common.DOOR, DOOR))


def statuses(told: dict[str, Any], method: str, path: str) -> set[str]:
    return set(told["paths"][path][method]["responses"])


def test_the_document_is_valid(told: dict[str, Any]) -> None:
    validate(told)


def test_the_same_tables_give_the_same_bytes(told: dict[str, Any]) -> None:
    assert json.dumps(document((common.DOOR, DOOR))) == json.dumps(told)


def test_every_route_and_method_is_there_under_an_id_of_its_own(told: dict[str, Any]) -> None:
    ids = [one["operationId"] for item in told["paths"].values() for one in item.values()]
    assert len(set(ids)) == len(ids) == sum(len(route.methods) for route in (*ROUTES, *common.DOOR.routes))


def test_a_json_route_tells_its_body_and_what_the_pipeline_can_answer(told: dict[str, Any]) -> None:
    one = told["paths"]["/t/things"]["post"]
    assert one["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Thing"}
    assert one["requestBody"]["required"] is True
    expected = {"201", "400", "401", "403", "409", "413", "415", "429", "500", "503"}
    assert statuses(told, "post", "/t/things") == expected
    assert one["security"] == [{"apiKey": []}, {"bearer": []}]
    assert [parameter["name"] for parameter in one["parameters"]] == ["Idempotency-Key"]


def test_a_route_without_a_key_answers_no_401(told: dict[str, Any]) -> None:
    assert statuses(told, "get", "/healthz") == {"200", "500"}
    assert told["paths"]["/healthz"]["get"]["security"] == []


def test_query_models_become_parameters_and_no_components(told: dict[str, Any]) -> None:
    parameters = told["paths"]["/t/things"]["get"]["parameters"]
    assert [(one["name"], one["in"]) for one in parameters] == [
        ("limit", "query"),
        ("types", "query"),
        ("created_at[gte]", "query"),
    ]
    assert parameters[1]["schema"]["type"] == "array"


def test_a_query_model_that_is_also_an_answer_stays_a_component(told: dict[str, Any]) -> None:
    assert "Listing" in told["components"]["schemas"]


def test_path_parameters_and_the_rest_of_a_path(told: dict[str, Any]) -> None:
    parameters = told["paths"]["/t/files/{id}/{path}"]["get"]["parameters"]
    assert [one["name"] for one in parameters] == ["id", "path"]
    assert "404" in statuses(told, "get", "/t/files/{id}/{path}")


def test_media_of_raw_routes_downloads_and_streams(told: dict[str, Any]) -> None:
    assert list(told["paths"]["/t/form"]["post"]["requestBody"]["content"]) == ["multipart/form-data"]
    assert "415" not in statuses(told, "post", "/t/upload")
    assert list(told["paths"]["/t/silent"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]


def test_errors_show_the_doors_envelope(told: dict[str, Any]) -> None:
    schema = told["paths"]["/t/things"]["get"]["responses"]["401"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Envelope"}


def test_paths_that_differ_in_parameter_names_only_are_one(told: dict[str, Any]) -> None:
    first, second = (
        Route((method,), f"/x/{{{name}}}", common.DOOR.routes[0].handler, "x")
        for method, name in (("GET", "a"), ("PUT", "b"))
    )
    doors = [type(DOOR)("x", (first, second), DOOR.render_error)]
    assert document(doors)["paths"]["/x/{a}"]["put"]["parameters"][0]["name"] == "a"


def test_an_answer_of_several_kinds_tells_them_all() -> None:
    either = Route(("GET",), "/t/either", lambda _: Answer(), "Either", answers={200: (common.schemas.Alive, "*/*")})
    told = document((Door("either", (either,), DOOR.render_error),))
    content = told["paths"]["/t/either"]["get"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "*/*"}
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Alive"}
    validate(told)


def test_groups_stand_in_the_order_of_the_tables_with_untagged_routes_last() -> None:
    def route(path: str, *tags: str) -> Route:
        return Route(("GET",), path, lambda _: Answer(), "One", tags=tags)

    routes = (route("/t/loose"), route("/t/second", "second"), route("/t/first", "first"))
    told = document((Door("door", routes, DOOR.render_error),))
    assert [tag["name"] for tag in told["tags"]] == ["second", "first", "door"]
