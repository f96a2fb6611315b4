"""Where clients' customs differ, written as switches; the stored agent shows the outcome, not the custom."""

from dataclasses import dataclass

from chalicelib.agents.model import Origin


@dataclass(frozen=True, slots=True)
class Policy:
    """How a request about an agent is read.

    ``built_in_by_default``: an agent created without tools gets the built-in set. ``serve_all_mcp``: MCP servers and
    toolsets are kept in step. ``strict_skills``: unknown, repeated or bare skill references are refused.
    ``blank_removes``: an empty metadata value removes the pair.
    """

    origin: Origin
    built_in_by_default: bool
    serve_all_mcp: bool
    strict_skills: bool
    blank_removes: bool


SDK = Policy("sdk", built_in_by_default=False, serve_all_mcp=False, strict_skills=True, blank_removes=False)
PLAIN = Policy("plain", built_in_by_default=True, serve_all_mcp=True, strict_skills=False, blank_removes=True)
