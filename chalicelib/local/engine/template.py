"""CloudFormation's intrinsic functions over one template."""

import re
from collections.abc import Callable
from typing import Any

from chalicelib.local.engine.errors import TemplateError

Attributes = Callable[[str, str | None], Any]
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
NO_VALUE = object()


class Resolver:
    """Resolves values of a template.

    `attribute` answers what a reference to a resource means: its `Ref` for None, else the named attribute.
    """

    def __init__(
        self, template: dict[str, Any], parameters: dict[str, str], pseudo: dict[str, Any], attribute: Attributes
    ) -> None:
        self._mappings = template.get("Mappings", {})
        self._conditions = template.get("Conditions", {})
        self._known = {**pseudo, "AWS::NoValue": NO_VALUE, **_parameters(template, parameters)}
        self._attribute = attribute
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda given: given[0].join(str(part) for part in self.value(given[1])),
            "Fn::Select": lambda given: self.value(given[1])[int(self.value(given[0]))],
            "Fn::Split": lambda given: self.value(given[1]).split(given[0]),
            "Fn::If": lambda given: self.value(given[1] if self.condition(given[0]) else given[2]),
            "Fn::FindInMap": self._find_in_map,
        }

    def value(self, raw: Any) -> Any:
        """A value with everything in it resolved. Raises TemplateError."""
        if isinstance(raw, list):
            return [found for part in raw if (found := self.value(part)) is not NO_VALUE]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            ((name, given),) = raw.items()
            if name in self._functions:
                return self._functions[name](given)
            if name.startswith("Fn::"):
                raise TemplateError(f"{name} is not resolved on this machine")
        return {n: found for n, part in raw.items() if (found := self.value(part)) is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""
        if name not in self._conditions:
            raise TemplateError(f"the template has no condition {name}")
        return self._test(self._conditions[name])

    def _test(self, raw: Any) -> bool:
        ((name, given),) = raw.items()
        match name:
            case "Condition":
                return self.condition(given)
            case "Fn::Equals":
                left, right = (self.value(part) for part in given)
                return str(left) == str(right)
            case "Fn::And":
                return all(self._test(part) for part in given)
            case "Fn::Or":
                return any(self._test(part) for part in given)
            case "Fn::Not":
                return not self._test(given[0])
        raise TemplateError(f"{name} is no condition")

    def _ref(self, name: str) -> Any:
        return self._known[name] if name in self._known else self._attribute(name, None)

    def _get_att(self, given: Any) -> Any:
        resource, _, name = given.partition(".") if isinstance(given, str) else (given[0], "", given[1])
        return self._attribute(resource, self.value(name))

    def _sub(self, given: Any) -> str:
        text, extra = (given, {}) if isinstance(given, str) else (given[0], self.value(given[1]))

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in extra:
                return str(extra[name])
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(replace, text)

    def _find_in_map(self, given: Any) -> Any:
        name, top, second = (self.value(part) for part in given[:3])
        try:
            return self._mappings[name][top][second]
        except KeyError:
            raise TemplateError(f"the mapping {name} has no entry {top}.{second}") from None


def _parameters(template: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, declared in template.get("Parameters", {}).items():
        if name not in given and "Default" not in declared:
            raise TemplateError(f"the parameter {name} has neither a value nor a default")
        value = given.get(name, declared.get("Default"))
        is_list = str(declared.get("Type", "")).startswith(("CommaDelimitedList", "List<"))
        known[name] = [part.strip() for part in str(value).split(",")] if is_list else value
    return known
