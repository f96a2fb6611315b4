"""The schemas of all models the doors use, gathered once so that each has one name."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from chalicelib.http.route import Door, each_shape

Model = type[BaseModel]

_REF = "#/components/schemas/"


class Schemas:
    """Answers references to models, and the components they point into."""

    def __init__(self, doors: Sequence[Door]) -> None:
        wanted = list(dict.fromkeys(_models(doors)))
        refs, definitions = models_json_schema(wanted, ref_template=_REF + "{model}")
        self._refs = refs
        self._components: dict[str, Any] = definitions.get("$defs", {})
        self._queries = {route.query for door in doors for route in door.routes if route.query is not None}
        self._shown = {self._name(model, mode) for model, mode in _referenced(doors)}

    def ref(self, model: Model, mode: JsonSchemaMode) -> dict[str, Any]:
        """A reference to a model as it is read (``validation``) or written (``serialization``)."""
        return dict(self._refs[(model, mode)])

    def inline(self, model: Model) -> dict[str, Any]:
        """A query model's own schema."""
        found: dict[str, Any] = self._components[self._name(model, "validation")]
        return found

    def requires_something(self, model: Model) -> bool:
        """Whether an empty object does not do."""
        return bool(self.inline(model).get("required"))

    def components(self) -> dict[str, Any]:
        """All schemas by name, without those of query models that nothing refers to."""
        hidden = (
            {self._name(model, "validation") for model in self._queries} - _referred(self._components) - self._shown
        )
        return {name: self._components[name] for name in sorted(self._components) if name not in hidden}

    def _name(self, model: Model, mode: JsonSchemaMode) -> str:
        return str(self._refs[(model, mode)]["$ref"]).removeprefix(_REF)


def _models(doors: Sequence[Door]) -> Iterable[tuple[Model, JsonSchemaMode]]:
    yield from _referenced(doors)
    for door in doors:
        for route in door.routes:
            if route.query is not None:
                yield route.query, "validation"


def _referenced(doors: Sequence[Door]) -> Iterable[tuple[Model, JsonSchemaMode]]:
    for door in doors:
        if door.error_model is not None:
            yield door.error_model, "serialization"
        for route in door.routes:
            if route.body is not None:
                yield route.body, "validation"
            for shape in chain.from_iterable(map(each_shape, route.answers.values())):
                if not isinstance(shape, str):
                    yield shape, "serialization"


def _referred(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].removeprefix(_REF)} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_referred, value.values()))
    return set().union(*map(_referred, value)) if isinstance(value, list) else set()
