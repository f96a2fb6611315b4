"""The environment variables the library reads, as its source names them."""

import ast
import re
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "chalicelib"
# What the egress proxy sets for programs in a sandbox is not the operator's.
_OF_SANDBOXES = LIBRARY / "sandbox" / "box" / "egress" / "variables.py"
_VARIABLE = re.compile(r"(LAMBENT|ANTHROPIC|OPENAI|AWS|POWERTOOLS)_[A-Z0-9_]+|PORT|MODEL|LOG_LEVEL")


@cache
def variables() -> frozenset[str]:
    """Every environment variable the library reads."""
    return frozenset(
        node.value
        for path in LIBRARY.rglob("*.py")
        if path != _OF_SANDBOXES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value)
    )
