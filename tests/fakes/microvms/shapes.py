"""What botocore knows of the API: which request is which operation, and what may be said in it and in its answer."""

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

Json = dict[str, Any]


@cache
def api() -> ServiceModel:
    """The service model of the botocore that is installed."""
    return botocore.session.Session().get_service_model("lambda-microvms")


def operation_of(method: str, target: str) -> tuple[OperationModel, Json] | None:
    """The operation a request means, with what its path and query say."""
    url = urlsplit(target)
    for name in api().operation_names:
        operation = api().operation_model(name)
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.http["requestUri"])
        if operation.http["method"] == method and (match := re.fullmatch(pattern, url.path)):
            named = {part: unquote(value) for part, value in match.groupdict().items()}
            return operation, {**_query(operation, url.query), **named}
    return None


def _query(operation: OperationModel, query: str) -> Json:
    said = dict(parse_qsl(query))
    members = operation.input_shape.members if operation.input_shape else {}
    for name, shape in members.items():
        if name in said and shape.type_name == "integer":
            said[name] = int(said[name])
    return said


def problems(shape: Shape | None, value: Any, path: str = "") -> list[str]:
    """Everything in which a value is not as its shape wants it."""
    if shape is None:
        return [f"{path or 'the body'} is not expected"] if value else []
    check = _CHECKS.get(shape.type_name)
    if check is None or not isinstance(value, check[0]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return [f"{path} is no {shape.type_name}"]
    return check[1](shape, value, path)


def _structure(shape: Any, value: Json, path: str) -> list[str]:
    found = [f"{path}.{name} is missing" for name in shape.required_members if value.get(name) is None]
    if shape.metadata.get("union") and len(value) != 1:
        found.append(f"{path} must say exactly one thing")
    for name, each in value.items():
        member = shape.members.get(name)
        found += [f"{path}.{name} is unknown"] if member is None else problems(member, each, f"{path}.{name}")
    return found


def _list(shape: Any, value: list[Any], path: str) -> list[str]:
    inner = [one for number, each in enumerate(value) for one in problems(shape.member, each, f"{path}[{number}]")]
    return _range(shape, len(value), f"the length of {path}") + inner


def _map(shape: Any, value: Json, path: str) -> list[str]:
    inner = [one for name in value for one in problems(shape.key, name, f"{path} (key)")]
    inner += [one for name, each in value.items() for one in problems(shape.value, each, f"{path}.{name}")]
    return _range(shape, len(value), f"the size of {path}") + inner


def _string(shape: Shape, value: str, path: str) -> list[str]:
    found = _range(shape, len(value), f"the length of {path}")
    if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        found.append(f"{path} is none of {shape.metadata['enum']}")
    pattern = shape.metadata.get("pattern", "")
    # Patterns are not anchored, and know classes of Unicode that the library of Python does not.
    if pattern and r"\p{" not in pattern and not re.search(pattern, value):
        found.append(f"{path} does not match {pattern}")
    return found


def _number(shape: Shape, value: float, path: str) -> list[str]:
    return _range(shape, value, path)


def _range(shape: Shape, size: float, what: str) -> list[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    low = [f"{what} is below {least}"] if least is not None and size < least else []
    return low + ([f"{what} is above {most}"] if most is not None and size > most else [])


def _anything(_shape: Shape, _value: Any, _path: str) -> list[str]:
    return []


_CHECKS: dict[str, tuple[Any, Any]] = {
    "structure": (dict, _structure),
    "list": (list, _list),
    "map": (dict, _map),
    "string": (str, _string),
    "integer": (int, _number),
    "long": (int, _number),
    "timestamp": ((int, float), _anything),
    "boolean": (bool, _anything),
}
