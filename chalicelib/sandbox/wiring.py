"""Puts the parts of sandboxes together; imported when the first one is needed."""

from typing import TYPE_CHECKING

from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.computers import Computers, Rules
from chalicelib.sandbox.hosts.choose import choose_host
from chalicelib.sandbox.model import Sandbox
from chalicelib.sandbox.profile import Profile, Profiler, of_e2b
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions import checkouts
from chalicelib.sandbox.sessions.outputs import Outputs
from chalicelib.sandbox.sessions.profile import SessionProfiles
from chalicelib.sandbox.store import SandboxStore
from chalicelib.sandbox.syncing import Syncer
from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from chalicelib.wiring import Services


def sandboxes(services: "Services") -> SandboxService:
    """The service of this process, from its environment."""
    settings = services.sandbox_settings
    idle_ms = settings.idle_seconds * 1000
    store = SandboxStore(services.table, services.secrets, idle_ms)
    workspaces = services.workspaces
    of_session = SessionProfiles(services.session_store, services.session_resources, services.vaults)
    profiles: dict[str, Profiler] = {"e2b": of_e2b, "session": of_session}
    rules = Rules(settings.limits, settings.max_seconds, idle_ms)
    computers = Computers(
        store, workspaces, choose_host(settings, services.settings.region), rules, profiles, services.secrets
    )
    computers.prepare = _prepare
    # Two file systems are kept, and names and holes come on top of what they hold.
    syncer = Syncer(workspaces, (settings.limits.disk_mib << 20) * 4)
    syncer.memory = services.memory_mounts
    syncer.watcher = Outputs(services.files, workspaces)
    return SandboxService(store, computers, syncer, workspaces, services.secrets)


def _prepare(_space: Space, _sandbox: Sandbox, profile: Profile, client: GuestClient) -> list[str]:
    return checkouts.put(client, profile.checkouts)
