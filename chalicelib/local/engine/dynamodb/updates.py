"""Update expressions, compiled once per text; applying one yields a new item and leaves the old one alone."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from chalicelib.local.engine.dynamodb.conditions import Getter, getter, resolve
from chalicelib.local.engine.dynamodb.syntax import Call, Operand, Path, Placeholder, Reader
from chalicelib.local.engine.dynamodb.values import EXACT, Item, Value, clone, format_number
from chalicelib.local.engine.errors import ServiceError, validation

_LABEL = "UpdateExpression"
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")
Parts = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """A compiled update: paths to set with what computes them, and paths to remove, to add to, to delete from."""

    sets: tuple[tuple[Parts, Getter], ...]
    removes: tuple[Parts, ...]
    adds: tuple[tuple[Parts, str], ...]
    deletes: tuple[tuple[Parts, str], ...]
    paths: tuple[Parts, ...]
    used_names: frozenset[str]
    used_values: frozenset[str]

    def apply(self, item: Item, values: Item) -> Item:
        """The item after the update. Raises ValidationException."""
        draft = _Draft(item)
        # Every right-hand side sees the item as it was before the update.
        computed = [(parts, compute(item, values)) for parts, compute in self.sets]
        for parts, value in computed:
            if value is None:
                raise validation("The provided expression refers to an attribute that does not exist in the item")
            draft.put(parts, value)
        for parts, name in self.adds:
            draft.put(parts, _added(resolve(item, parts), values[name]))
        for parts, name in self.deletes:
            _delete_members(draft, item, parts, values[name])
        # Later list indexes first, so that the earlier ones still mean what the caller saw.
        for parts in sorted(self.removes, key=_removal_order, reverse=True):
            draft.remove(parts)
        return draft.item


def _removal_order(parts: Parts) -> tuple[tuple[bool, int, str], ...]:
    return tuple((isinstance(part, int), part if isinstance(part, int) else 0, str(part)) for part in parts)


class _Draft:
    """A copy of an item in which only the attributes that are changed deeply get copied."""

    def __init__(self, item: Item) -> None:
        self.item = dict(item)
        self._detached: set[str] = set()

    def put(self, parts: Parts, value: Value) -> None:
        if len(parts) == 1:
            self.item[str(parts[0])] = value
            return
        parent, last = self._parent(parts), parts[-1]
        if isinstance(last, int) and "L" in parent:
            parent["L"][last : last + 1] = [value]
        elif isinstance(last, str) and "M" in parent:
            parent["M"][last] = value
        else:
            raise _invalid_path()

    def remove(self, parts: Parts) -> None:
        if len(parts) == 1:
            self.item.pop(str(parts[0]), None)
            return
        parent, last = self._parent(parts), parts[-1]
        if isinstance(last, int) and "L" in parent:
            del parent["L"][last : last + 1]
        elif isinstance(last, str) and "M" in parent:
            parent["M"].pop(last, None)
        else:
            raise _invalid_path()

    def _parent(self, parts: Parts) -> Value:
        top = str(parts[0])
        if top in self.item and top not in self._detached:
            self._detached.add(top)
            self.item[top] = clone(self.item[top])
        parent = resolve(self.item, parts[:-1])
        if parent is None:
            raise _invalid_path()
        return parent


def _invalid_path() -> ServiceError:
    return validation("The document path provided in the update expression is invalid for update")


def _wrong_type() -> ServiceError:
    return validation("An operand in the update expression has an incorrect data type")


def _added(current: Value | None, extra: Value) -> Value:
    ((tag, content),) = extra.items()
    if tag not in ("N", "SS", "NS", "BS"):
        raise validation(
            f"Invalid {_LABEL}: Incorrect operand type for operator or function; operator: ADD, operand type: {tag}"
        )
    if current is None:
        return extra
    if tag not in current:
        raise _wrong_type()
    if tag == "N":
        return {"N": format_number(EXACT.add(Decimal(current["N"]), Decimal(content)))}
    return {tag: current[tag] + [member for member in content if member not in current[tag]]}


def _delete_members(draft: _Draft, item: Item, parts: Parts, gone: Value) -> None:
    ((tag, content),) = gone.items()
    if tag not in ("SS", "NS", "BS"):
        raise validation(
            f"Invalid {_LABEL}: Incorrect operand type for operator or function; operator: DELETE, operand type: {tag}"
        )
    current = resolve(item, parts)
    if current is None:
        return
    if tag not in current:
        raise _wrong_type()
    left = [member for member in current[tag] if member not in content]
    if left:
        draft.put(parts, {tag: left})
    else:
        draft.remove(parts)


@lru_cache(maxsize=4096)
def compile_update(text: str, names: tuple[tuple[str, str], ...]) -> Update:
    """Compiles an update expression. Raises ValidationException."""
    reader = Reader(_LABEL, text, dict(names))
    found: dict[str, list[Any]] = {}
    while reader.peek():
        clause = reader.word(*_CLAUSES)
        if not clause:
            raise reader.unexpected()
        if clause in found:
            raise reader.refuse(f'The "{clause}" section can only be used once in an update expression;')
        found[clause] = _entries(reader, clause)
    paths = tuple(entry[0] for entries in found.values() for entry in entries)
    _refuse_overlaps(reader, paths)
    return Update(
        sets=tuple(found.get("SET", ())),
        removes=tuple(entry[0] for entry in found.get("REMOVE", ())),
        adds=tuple(found.get("ADD", ())),
        deletes=tuple(found.get("DELETE", ())),
        paths=paths,
        used_names=frozenset(reader.used_names),
        used_values=frozenset(reader.used_values),
    )


def _entries(reader: Reader, clause: str) -> list[Any]:
    read: Callable[[Reader], Any] = {"SET": _assignment, "REMOVE": lambda r: (r.path().parts,)}.get(
        clause, _path_and_value
    )
    entries = [read(reader)]
    while reader.peek() == ",":
        reader.take()
        entries.append(read(reader))
    return entries


def _path_and_value(reader: Reader) -> tuple[Parts, str]:
    path, operand = reader.path(), reader.operand()
    if not isinstance(operand, Placeholder):
        raise reader.unexpected()
    return path.parts, operand.name


def _assignment(reader: Reader) -> tuple[Parts, Getter]:
    path = reader.path()
    reader.expect("=")
    left = _computed(reader, _operand(reader))
    if reader.peek() in ("+", "-"):
        sign = reader.take()
        return path.parts, _arithmetic(sign, left, _computed(reader, _operand(reader)))
    return path.parts, left


def _operand(reader: Reader) -> Operand:
    if reader.peek() == "(":
        reader.take()
        inner = _operand(reader)
        reader.expect(")")
        return inner
    return reader.operand()


def _computed(reader: Reader, operand: Operand) -> Getter:
    if not isinstance(operand, Call):
        return getter(operand)
    if operand.name == "if_not_exists":
        if not isinstance(operand.arguments[0], Path):
            raise reader.refuse("Operator or function requires a document path; operator or function: if_not_exists")
        path, otherwise = getter(operand.arguments[0]), _computed(reader, operand.arguments[1])
        return lambda item, values: path(item, values) or otherwise(item, values)
    if operand.name == "list_append":
        first, second = (_computed(reader, argument) for argument in operand.arguments)
        return lambda item, values: _joined(first(item, values), second(item, values))
    raise reader.refuse(f"The function is not allowed in an update expression; function: {operand.name}")


def _joined(first: Value | None, second: Value | None) -> Value | None:
    if first is None or second is None:
        return None
    if "L" not in first or "L" not in second:
        raise _wrong_type()
    return {"L": first["L"] + second["L"]}


def _arithmetic(sign: str, left: Getter, right: Getter) -> Getter:
    def compute(item: Item, values: Item) -> Value | None:
        one, two = left(item, values), right(item, values)
        if one is None or two is None:
            return None
        if "N" not in one or "N" not in two:
            raise _wrong_type()
        combine = EXACT.add if sign == "+" else EXACT.subtract
        return {"N": format_number(combine(Decimal(one["N"]), Decimal(two["N"])))}

    return compute


def _refuse_overlaps(reader: Reader, paths: tuple[Parts, ...]) -> None:
    ordered = sorted(paths, key=lambda parts: [str(part) for part in parts])
    for one, two in itertools.pairwise(ordered):
        if two[: len(one)] == one:
            shown = [", ".join(str(part) for part in parts) for parts in (one, two)]
            raise reader.refuse(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; "
                f"path one: [{shown[0]}], path two: [{shown[1]}]"
            )
