"""Reads query strings for a model: arrays in every spelling, the last value of anything else."""

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

_LISTS = (list, set, tuple, frozenset)


class QueryReader:
    """Knows the parameters of one query model.

    A list takes repeated keys, keys ending in ``[]`` and commas. Unknown keys are left out, and empty values count as
    not given.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._keys: dict[str, bool] = {}
        by_name = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
        for name, field in model.model_fields.items():
            for key in _spellings(name, field, by_name=bool(by_name)):
                self._keys[key] = _is_list(field.annotation)

    def read(self, query: str) -> dict[str, Any]:
        """What the query string says, by the keys the model knows."""
        found: dict[str, Any] = {}
        for key, value in parse_qsl(query, keep_blank_values=False, errors="replace"):
            known = key if key in self._keys else key.removesuffix("[]")
            is_list = self._keys.get(known)
            if is_list:
                found.setdefault(known, []).extend(part for part in value.split(",") if part)
            elif is_list is False and known == key:
                found[known] = value
        return found


def _spellings(name: str, field: FieldInfo, *, by_name: bool) -> list[str]:
    alias = field.validation_alias if field.validation_alias is not None else field.alias
    if alias is None:
        return [name]
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)] + ([name] if by_name else [])


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_list(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return any(_is_list(member) for member in get_args(annotation))
    return annotation in _LISTS or origin in _LISTS
