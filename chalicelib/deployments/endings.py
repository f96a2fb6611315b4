"""Deployments of an archived agent are archived with it: at once, or by the clock where that was cut off."""

from chalicelib.core.clock import now_ms
from chalicelib.deployments.store import DeploymentStore
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.writes import Write
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_TRIES = 10
_HEAD_START_MS = 20_000


class AgentsDeployments:
    """What of deployments hangs on their agent."""

    def __init__(self, store: DeploymentStore, announcer: Announcer = SILENT) -> None:
        self._store = store
        self._announcer = announcer

    def begin_ending(self, space: Space, agent_id: str) -> Write:
        """The write after which all deployments of the agent will be archived."""
        return self._store.begin_ending(space, agent_id, now_ms() + _HEAD_START_MS)

    def end(self, space: Space, agent_id: str) -> None:
        """Archive them."""
        for deployment_id in self._store.of_agent(space, agent_id):
            self._archive(space, deployment_id)
        self._store.end_ending(space, agent_id)

    def resume(self, space: Space, key: Key) -> None:
        """Finish what was begun and not ended."""
        agent_id = self._store.ending(key)
        if agent_id is not None:
            self.end(space, agent_id)

    def _archive(self, space: Space, deployment_id: str) -> None:
        for _ in range(_TRIES):
            found = self._store.find(space, deployment_id)
            if found is None or found.archived_at is not None:
                return
            try:
                told = self._announcer.tell(space, Happening("deployment.archived", deployment_id))
                self._store.commit([*self._store.archive(space, found, now_ms()), *told])
            except TransactionRefused:
                continue
            return
        raise StorageBusy("the deployment is changed by too many at once")
