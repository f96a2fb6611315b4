"""Sandboxes over the files of another one, whose process dies: there is never a workspace without its sandbox."""

from collections.abc import Callable

import pytest

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.support.mortal import Died, dying

SPACE = Space(new_id())
Make = Callable[[Services], object]


@pytest.fixture
def source(services: Services) -> str:
    """A sandbox with a workspace and without a computer."""
    made = services.sandboxes.ensure(SPACE, SandboxDraft("e2b", sandbox_id=new_id()))
    services.workspaces.ensure(SPACE, made.id)
    return made.id


def names(services: Services, noun: str) -> set[str]:
    """The ids of all things of a noun that the tenant has."""
    rows = services.table._client.scan(TableName=services.table.name)["Items"]
    found = [row["pk"]["S"].split("#") for row in rows if row["sk"]["S"] == "HEAD"]
    return {parts[3] for parts in found if parts[:3] == ["t", SPACE.tenant, noun]}


@pytest.mark.parametrize("of", ["sandbox", "snapshot"])
def test_wherever_it_dies_a_workspace_has_its_sandbox(
    services: Services, settings: Settings, source: str, of: str
) -> None:
    snapshot = services.sandboxes.snapshot(SPACE, source).id

    def make(by: Services) -> None:
        if of == "sandbox":
            by.sandboxes.fork(SPACE, source, None)
        else:
            by.sandboxes.create(SPACE, SandboxDraft("e2b", snapshot_id=snapshot))

    for left in (0, 1):
        with pytest.raises(Died):
            make(dying(settings, left))
        # The step in which both are stored, and the first one of the start of a computer.
        assert len(names(services, "sandbox")) == 1 + left
        assert names(services, "workspace") == names(services, "sandbox")
