"""The documentation tells of every setting, command, target and route there is, and of none that is not."""

import json
import re
from pathlib import Path

import click
import pytest

from chalicelib.cli.main import main
from chalicelib.core.settings import Settings
from chalicelib.doors import all_doors
from chalicelib.events.catalogue import PUBLIC_TYPES
from tests.support.pages import PAGES
from tests.support.variables import variables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = ("managed-api.md", "e2b.md", "openai.md")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROUTE = re.compile(r"^\| ([A-Z]+(?:, [A-Z]+)*) \| `(/[^`]*)` \|", re.MULTILINE)
_DEFAULT = re.compile(r"^\| `(LAMBENT_[A-Z_]+)` \| (\d+) \|", re.MULTILINE)


def told(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text()


def test_every_environment_variable_is_told() -> None:
    page = told("operations.md")
    assert {name for name in variables() if f"`{name}`" not in page} == set()


def test_no_setting_is_told_that_nobody_reads() -> None:
    named = set(re.findall(r"LAMBENT_[A-Z0-9_]+", "".join(path.read_text() for path in PAGES)))
    assert named - variables() == set()


def test_told_defaults_are_the_real_ones() -> None:
    real = Settings.from_env({})
    told_defaults = {name: int(value) for name, value in _DEFAULT.findall(told("operations.md"))}
    known = {name: getattr(real, name.removeprefix("LAMBENT_").lower(), None) for name in told_defaults}
    differing = {name: told_defaults[name] for name, value in known.items() if value not in (None, told_defaults[name])}
    assert len([value for value in known.values() if value is not None]) > 10
    assert differing == {}


def test_every_command_and_option_is_told() -> None:
    page = told("operations.md")
    assert isinstance(main, click.Group)
    missing = [name for name in main.commands if f"`lambent {name}`" not in page]
    options = {
        option
        for command in (main, *main.commands.values())
        for parameter in command.params
        for option in parameter.opts
    }
    missing += [option for option in options if f"`{option}`" not in page and f" {option}`" not in page]
    assert missing == []


def test_every_event_is_told_and_no_other() -> None:
    page = told("events.md")
    noun = r"(?:user|system|agent|session|span|workflow_run|aux)"
    shown = set(re.findall(rf"`({noun}\.[a-z_]+)`", page))
    assert sorted(PUBLIC_TYPES - shown) == []
    assert sorted(shown - PUBLIC_TYPES) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_is_shown_as_json_can_be_read(page: Path) -> None:
    for shown in re.findall(r"^```json\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        json.loads(shown)


def test_every_make_target_is_told() -> None:
    makefiles = (ROOT / "Makefile").read_text() + (ROOT / "infra" / "package.mk").read_text()
    targets = re.findall(r"^([a-z-]+):.*##", makefiles, re.MULTILINE)
    everything = "".join(path.read_text() for path in PAGES)
    assert len(targets) > 8
    assert [target for target in targets if f"make {target}" not in everything] == []


def test_every_make_target_that_is_told_exists() -> None:
    makefiles = (ROOT / "Makefile").read_text() + (ROOT / "infra" / "package.mk").read_text()
    named = {name for path in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE)}
    assert {name for name in named if not re.search(rf"^{name}:", makefiles, re.MULTILINE)} == set()


def test_every_route_is_in_the_guide_and_no_other() -> None:
    routes = [route for door in all_doors() for route in door.routes if route.when is None]
    real = {(method, route.path) for route in routes for method in route.methods}
    shown = {
        (method, path)
        for guide in GUIDES
        for methods, path in _ROUTE.findall(told(guide))
        for method in methods.split(", ")
    }
    assert sorted(real - shown) == []
    assert sorted(shown - real) == []


def test_the_guide_names_the_scope_of_every_route() -> None:
    page = "".join(map(told, GUIDES))
    for door in all_doors():
        for route in door.routes:
            if route.scope is not None and route.when is None:
                assert f"`{route.path}` | {route.scope} |" in page, route.path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text()):
        place, _, anchor = link.partition("#")
        if "://" in place:
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
