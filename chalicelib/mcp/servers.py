"""The MCP servers of one run."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.environments.networking import denied_by, rules_of
from chalicelib.mcp.credentials import Held, Keyring
from chalicelib.mcp.errors import McpError, McpUnreachable
from chalicelib.mcp.server import McpServer
from chalicelib.mcp.tool import McpTool
from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.patterns import matches_any

Json = dict[str, Any]
_LOOK_SECONDS = 0.1
IN_SANDBOX = "MCP servers of type stdio are not run by this version"


class Servers:
    """Asked side by side, so that the slowest decides how long it takes."""

    def __init__(self, agent: Json, environment: Json | None, outbound: Outbound, keyring: Keyring) -> None:
        self._declared: list[Json] = agent.get("mcp_servers") or []
        self._environment = environment
        self._servers: dict[str, McpServer] = {}
        self._troubles: list[tuple[str, McpError]] = []
        self._told: set[tuple[str, str]] = set()
        self._notes: list[str] = []
        for one in self._declared:
            if one.get("url"):
                self._servers[one["name"]] = McpServer(one["name"], one["url"], outbound, Held(keyring, one["url"]))
            else:
                self._notes.append(f"The MCP server {one['name']!r} was left out: {IN_SANDBOX}")

    def tools(self, look: Callable[[], None]) -> Mapping[str, Iterable[McpTool]]:
        """The tools by server, of those servers that answer. ``look`` is called all the while and may raise."""
        asked = {name: server.list_tools() for name, server in self._servers.items() if self._open_to(server)}
        try:
            waiting: set[Future[list[Json]]] = set(asked.values())
            while waiting:
                _, waiting = wait(waiting, timeout=_LOOK_SECONDS)
                if waiting:
                    look()
        finally:
            for future in asked.values():
                future.cancel()
        return {name: self._made(name, future) for name, future in asked.items()}

    def _open_to(self, server: McpServer) -> bool:
        try:
            demand_permitted(self._environment, server.url)
        except McpUnreachable as error:
            self._troubles.append((server.name, error))
            return False
        return True

    def _made(self, name: str, future: "Future[list[Json]]") -> list[McpTool]:
        try:
            listed = future.result()
        except McpError as error:
            self._troubles.append((name, error))
            return []
        except LambentError as error:
            self._troubles.append((name, McpUnreachable(error.message)))
            return []
        return [McpTool(self._servers[name], told, self._troubles) for told in listed if told.get("name")]

    def troubles(self) -> list[tuple[str, McpError]]:
        """The servers that could not be used, each told of once for each reason."""
        fresh = []
        while self._troubles:
            name, error = self._troubles.pop(0)
            if (name, type(error).__name__) not in self._told:
                self._told.add((name, type(error).__name__))
                fresh.append((name, error))
        return fresh

    def notes(self) -> list[str]:
        """What else is worth knowing."""
        told, self._notes = self._notes, []
        for name, server in self._servers.items():
            told += [f"The MCP server {name!r}: {text}" for text in server.held.notes()]
        return told

    def close(self) -> None:
        """The run is left."""
        for server in self._servers.values():
            server.close()


def demand_permitted(environment: Json | None, url: str) -> None:
    """A session's environment has to let its agent speak with a server. Raises McpUnreachable."""
    try:
        host = urls.parse(url).host
    except UrlRefused as refused:
        raise McpUnreachable(refused.message) from refused
    rules = rules_of(environment)
    limited = rules.get("type") == "limited" and not rules.get("allow_mcp_servers")
    closed = limited and not matches_any(host, rules.get("allowed_hosts") or [])
    if closed or matches_any(host, denied_by(environment)):
        raise McpUnreachable("the environment's network rules do not allow it")
