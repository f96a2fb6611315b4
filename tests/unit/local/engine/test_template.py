"""Intrinsic functions of templates."""

import pytest

from chalicelib.local.engine.errors import TemplateError
from chalicelib.local.engine.template import Resolver

TEMPLATE = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "dev"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
    },
    "Mappings": {"Sizes": {"dev": {"n": 1}, "prod": {"n": 9}}},
    "Conditions": {
        "Dev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
        "Other": {"Fn::Not": [{"Condition": "Dev"}]},
        "Both": {"Fn::And": [{"Condition": "Dev"}, {"Condition": "Other"}]},
        "Either": {"Fn::Or": [{"Condition": "Dev"}, {"Condition": "Other"}]},
    },
}


def _resolver(**parameters):
    pseudo = {"AWS::Region": "here"}
    return Resolver(TEMPLATE, parameters, pseudo, lambda logical, name: f"{logical}:{name}")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "AWS::Region"}, "here"),
        ({"Ref": "Thing"}, "Thing:None"),
        ({"Fn::GetAtt": ["Thing", "Arn"]}, "Thing:Arn"),
        ({"Fn::GetAtt": "Thing.Arn"}, "Thing:Arn"),
        ({"Fn::Sub": "${Stage}-${Thing}-${Thing.Arn}-${!Kept}"}, "dev-Thing:None-Thing:Arn-${Kept}"),
        ({"Fn::Sub": ["${x}", {"x": {"Ref": "Stage"}}]}, "dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "n"]}, 1),
        ({"Fn::If": ["Dev", "yes", "no"]}, "yes"),
        ({"a": {"Fn::If": ["Other", 1, {"Ref": "AWS::NoValue"}]}, "b": [2, {"Ref": "AWS::NoValue"}]}, {"b": [2]}),
    ],
)
def test_values(raw, expected):
    assert _resolver().value(raw) == expected


def test_conditions_follow_the_parameters():
    names = ("Dev", "Other", "Both", "Either")
    assert [_resolver().condition(name) for name in names] == [True, False, False, True]
    assert [_resolver(Stage="prod").condition(name) for name in names] == [False, True, False, True]


@pytest.mark.parametrize(
    "raw",
    [
        {"Fn::ImportValue": "x"},
        {"Fn::FindInMap": ["Sizes", "none", "n"]},
        {"Fn::If": ["Nobody", 1, 2]},
    ],
)
def test_what_is_unknown_is_told(raw):
    with pytest.raises(TemplateError):
        _resolver().value(raw)
