"""Tokens and syntax trees of DynamoDB's expression language."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from chalicelib.local.engine.errors import ServiceError, validation

_TOKEN = re.compile(r"\s*(?:([#:]?[A-Za-z0-9_]+)|(<>|<=|>=|[()\[\].,=<>+\-]))")
COMPARATORS = frozenset(["=", "<>", "<", "<=", ">", ">="])
_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}


class Path(NamedTuple):
    """A document path: attribute name, then map keys and list indexes."""

    parts: tuple[str | int, ...]


class Placeholder(NamedTuple):
    """A `:value`."""

    name: str


class Call(NamedTuple):
    """A function call."""

    name: str
    arguments: "tuple[Operand, ...]"


Operand = Path | Placeholder | Call


class Compare(NamedTuple):
    """`left operator right`."""

    operator: str
    left: Operand
    right: Operand


class Between(NamedTuple):
    """`operand BETWEEN low AND high`."""

    operand: Operand
    low: Operand
    high: Operand


class In(NamedTuple):
    """`operand IN (options)`."""

    operand: Operand
    options: tuple[Operand, ...]


class Not(NamedTuple):
    """`NOT term`."""

    term: "Condition"


class Junction(NamedTuple):
    """Terms joined by one word, `AND` or `OR`."""

    word: str
    terms: "tuple[Condition, ...]"


Condition = Compare | Between | In | Not | Junction | Call


@lru_cache(maxsize=1)
def _reserved_words() -> frozenset[str]:
    from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

    return frozenset(ReservedKeywords.get_reserved_keywords())


@dataclass(slots=True)
class Reader:
    """Reads one expression; remembers which names and values it used."""

    label: str
    text: str
    names: dict[str, str]
    used_names: set[str] = field(default_factory=set)
    used_values: set[str] = field(default_factory=set)
    _tokens: list[str] = field(default_factory=list)
    _position: int = 0

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise self.refuse("The expression can not be empty;")
        end = 0
        while self.text[end:].strip():
            match = _TOKEN.match(self.text, end)
            if match is None:
                raise self.refuse(f'Syntax error; token: "{self.text[end:].split()[0]}"')
            self._tokens.append(match.group(1) or match.group(2))
            end = match.end()

    def refuse(self, reason: str) -> ServiceError:
        """The service's answer to a malformed expression."""
        return validation(f"Invalid {self.label}: {reason}")

    def peek(self, ahead: int = 0) -> str:
        """The token `ahead` of the next one; empty at the end."""
        place = self._position + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def take(self) -> str:
        """Consumes the next token."""
        token = self.peek()
        if not token:
            raise self.refuse('Syntax error; token: "<EOF>"')
        self._position += 1
        return token

    def word(self, *words: str) -> str:
        """Consumes the next token when it is one of the words, whatever its case; else answers ''."""
        token = self.peek().upper()
        if token and token in words:
            self._position += 1
            return token
        return ""

    def expect(self, token: str) -> None:
        """Consumes exactly this token."""
        if self.peek() != token:
            raise self.unexpected()
        self._position += 1

    def unexpected(self) -> ServiceError:
        """The service's answer to a token out of place."""
        return self.refuse(f'Syntax error; token: "{self.peek() or "<EOF>"}"')

    def finish(self) -> None:
        """Raises unless everything was read."""
        if self.peek():
            raise self.unexpected()

    def path(self) -> Path:
        """Reads a document path."""
        parts: list[str | int] = [self._name()]
        while self.peek() in (".", "["):
            if self.take() == ".":
                parts.append(self._name())
                continue
            index = self.take()
            if not index.isdigit():
                raise self.refuse(f'Syntax error; token: "{index}"')
            parts.append(int(index))
            self.expect("]")
        return Path(tuple(parts))

    def _name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            if token not in self.names:
                raise self.refuse(
                    f"An expression attribute name used in the document path is not defined; attribute name: {token}"
                )
            self.used_names.add(token)
            return self.names[token]
        if not token[0].isalpha() and token[0] != "_":
            raise self.refuse(f'Syntax error; token: "{token}"')
        if token.upper() in _reserved_words():
            raise self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def operand(self) -> Operand:
        """Reads a path, a value or a function call."""
        token = self.peek()
        if token.startswith(":"):
            self.used_values.add(self.take())
            return Placeholder(token)
        if self.peek(1) == "(":
            return self._call()
        return self.path()

    def _call(self) -> Call:
        name = self.take()
        if name not in _FUNCTIONS:
            raise self.refuse(f"Invalid function name; function: {name}")
        self.expect("(")
        arguments = [self.operand()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.operand())
        self.expect(")")
        if len(arguments) != _FUNCTIONS[name]:
            raise self.refuse(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {name}, number of operands: {len(arguments)}"
            )
        return Call(name, tuple(arguments))

    def condition(self) -> Condition:
        """Reads a condition up to where it ends."""
        return self._joined("OR")

    def _joined(self, word: str) -> Condition:
        def term() -> Condition:
            return self._joined("AND") if word == "OR" else self._negatable()

        terms = [term()]
        while self.word(word):
            terms.append(term())
        return terms[0] if len(terms) == 1 else Junction(word, tuple(terms))

    def _negatable(self) -> Condition:
        if self.word("NOT"):
            return Not(self._negatable())
        if self.peek() == "(":
            self.take()
            inner = self.condition()
            self.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self.operand()
        if self.peek() in COMPARATORS:
            return Compare(self.take(), left, self.operand())
        if self.word("BETWEEN"):
            low = self.operand()
            if not self.word("AND"):
                raise self.unexpected()
            return Between(left, low, self.operand())
        if self.word("IN"):
            return In(left, self._options())
        if isinstance(left, Call):
            if left.name in ("size", "if_not_exists", "list_append"):
                raise self.refuse(
                    f"The function is not allowed to be used this way in an expression; function: {left.name}"
                )
            return left
        raise self.unexpected()

    def _options(self) -> tuple[Operand, ...]:
        self.expect("(")
        options = [self.operand()]
        while self.peek() == ",":
            self.take()
            options.append(self.operand())
        self.expect(")")
        return tuple(options)
