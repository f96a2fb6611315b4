"""A server dies with its sandboxes while it stores what an agent left in the folder of outputs."""

from contextlib import suppress

from chalicelib.core.settings import Settings
from chalicelib.files.errors import FileNotFound
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.sessions.outputs import FOLDER
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services
from tests.functional.sandbox.yards import Yard
from tests.support.bundles import new_session
from tests.support.mortal import Died, dying

MOST = 40


Files = set[tuple[str, bytes]]
FIRST, SECOND = {("a", b"first\n")}, {("a", b"second\n"), ("b", b"new\n")}


def _listed(services: Services, space: Space, session_id: str) -> Files:
    found = set()
    for one in services.files.page(space, Window(50), session_id).items:
        # The content of a file that is being removed goes first.
        with suppress(FileNotFound):
            found.add((one.filename, b"".join(services.files.content(space, one.id)[1])))
    return found


def _kept(services: Services, space: Space, session_id: str) -> Files:
    tree = services.workspaces.tree(space, session_id)
    files = [pair for pair in tree.entries.items() if pair[0].startswith(FOLDER)]
    found = services.workspaces.contents(space, session_id, files)
    return {(path.removeprefix(FOLDER), b"".join(pieces)) for path, _, pieces in found}


def test_what_is_kept_of_the_outputs_is_a_file_of_the_session(services: Services, settings: Settings) -> None:
    for left in range(MOST):
        ref = new_session(services)
        yard = Yard(services, ref.space)
        services.sandboxes.ensure(ref.space, SandboxDraft("session", sandbox_id=ref.id))
        yard.run(ref.id, f"echo first > {FOLDER}a")
        yard.sync(ref.id)
        yard.run(ref.id, f"echo second > {FOLDER}a; echo new > {FOLDER}b")
        mortal = Yard(dying(settings, left), ref.space)
        try:
            mortal.sync(ref.id)
            done = True
        except Died:
            done = False
        mortal.services.close()
        live = services.sandboxes.live(ref.space, ref.id)
        assert live.sandbox.computer is not None
        services.sandboxes._computers.discard(live.sandbox.computer)
        kept, listed = (look(services, ref.space, ref.id) for look in (_kept, _listed))
        assert kept in (FIRST, SECOND)
        # What such a command made may be listed all the same, and what it replaced beside it.
        assert kept <= listed <= FIRST | SECOND, f"after {left}"
        if done:
            assert listed == kept
            break
    assert 2 < left < MOST - 1
    services.close()
