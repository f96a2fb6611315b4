"""Turns what pydantic found into one sentence that starts with the field's path."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.core.errors import InvalidRequest

M = TypeVar("M", bound=BaseModel)

_MOST_ISSUES = 200
_KINDS = {
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "mapping_type": "an object",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "null",
}
_OWN_WORDS = {"value_error": "Value error, ", "assertion_error": "Assertion failed, "}
# What pydantic calls a value, and that it looked after validating it, helps nobody.
_DEMAND = re.compile(r"^\w+ should (.*?)(?: after validation, not .*)?$")


def validate(model: type[M], data: dict[str, Any]) -> M:
    """The model of the data. Raises InvalidRequest."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(error, data) from error


def explain(error: ValidationError, data: Any, prefix: str = "") -> InvalidRequest:
    """The error as a caller reads it; ``data`` is what was validated, ``prefix`` the path that leads to it."""
    details = error.errors(include_url=False, include_input=False)[:_MOST_ISSUES]
    path, text = _choose([_issue(detail, data) for detail in details], level=0)
    field = ".".join([*([prefix] if prefix else []), *map(str, path)])
    return InvalidRequest(f"{field}: {text}" if field else text, field=field or None)


@dataclass(frozen=True, slots=True)
class _Issue:
    """One finding: ``path`` in the data, and the parts of pydantic's location that name members of unions instead."""

    path: tuple[int | str, ...]
    members: tuple[tuple[int, str], ...]
    detail: ErrorDetails


def _issue(detail: ErrorDetails, data: Any) -> _Issue:
    location = detail["loc"]
    _, kept = _resolve(location, data, absent=detail["type"] == "missing")
    path: list[int | str] = []
    members: list[tuple[int, str]] = []
    for part, keep in zip(location, kept, strict=True):
        if keep:
            path.append(part)
        else:
            members.append((len(path), str(part)))
    return _Issue(tuple(path), tuple(members), detail)


def _resolve(location: Sequence[int | str], value: Any, *, absent: bool) -> tuple[int, tuple[bool, ...]]:
    """Which parts of a location lead through the data: the reading that leaves the fewest parts over.

    ``absent`` says that the last part names what is not there.
    """
    if not location:
        return 0, ()
    part, rest = location[0], location[1:]
    if absent and not rest and isinstance(value, dict):
        return 0, (True,)
    left, kept = _resolve(rest, value, absent=absent)
    dropped = (left + 1, (False, *kept))
    if not _leads(part, value):
        return dropped
    left, kept = _resolve(rest, value[part], absent=absent)
    return min((left, (True, *kept)), dropped, key=lambda reading: reading[0])


def _leads(part: int | str, value: Any) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _choose(issues: list[_Issue], level: int) -> tuple[tuple[int | str, ...], str]:
    """The one finding worth telling; where the members of a union all refused, the member that came closest."""
    first = issues[0]
    if len(first.members) <= level:
        return _tell(first)
    at = first.members[level][0]
    members: dict[str, list[_Issue]] = {}
    for issue in issues:
        if len(issue.members) > level and issue.members[level][0] == at and issue.path[:at] == first.path[:at]:
            members.setdefault(issue.members[level][1], []).append(issue)
    inside = [found for found in members.values() if not _refuses_kind(found[0], at)]
    if inside:
        return _closest(inside, level)
    kinds = dict.fromkeys(_KINDS[found[0].detail["type"]] for found in members.values())
    return first.path, f"must be {' or '.join(kinds)}"


def _refuses_kind(issue: _Issue, at: int) -> bool:
    return len(issue.path) == at and issue.detail["type"] in _KINDS


def _closest(members: list[list[_Issue]], level: int) -> tuple[tuple[int | str, ...], str]:
    """Among members that took the value's kind: the one with the fewest faults, those in fixed values (types) first.

    Where all refuse the same field for its fixed value, all values it could have.
    """
    literals = [{issue.path: issue for issue in found if _is_own_literal(issue, level)} for found in members]
    shared = [path for path in literals[0] if all(path in own for own in literals)]
    if len(members) > 1 and shared:
        expected = dict.fromkeys(own[shared[0]].detail["ctx"]["expected"] for own in literals)
        return shared[0], f"must be {' or '.join(expected)}"
    best = min(range(len(members)), key=lambda at: (len(literals[at]), len(members[at])))
    return _choose(members[best], level + 1)


def _is_own_literal(issue: _Issue, level: int) -> bool:
    return issue.detail["type"] == "literal_error" and len(issue.members) == level + 1


def _tell(issue: _Issue) -> tuple[tuple[int | str, ...], str]:
    detail, context = issue.detail, issue.detail.get("ctx", {})
    if detail["type"] == "union_tag_invalid":
        tag = str(context["discriminator"]).strip("'")
        return (*issue.path, tag), f"must be one of {context['expected_tags']}"
    if detail["type"] == "union_tag_not_found":
        return (*issue.path, str(context["discriminator"]).strip("'")), "field required"
    if (kind := _KINDS.get(detail["type"])) is not None:
        return issue.path, f"must be {kind}"
    text = detail["msg"]
    if detail["type"] in _OWN_WORDS:
        text = text.removeprefix(_OWN_WORDS[detail["type"]])
    else:
        text = _DEMAND.sub(r"must \1", text)
    return issue.path, text[:1].lower() + text[1:]
