"""Settings of the web tools."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from chalicelib.core.schema import Schema

Site = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9*]([A-Za-z0-9.*-]*[A-Za-z0-9])?(/[^\s?#]*)?$", min_length=1, max_length=2048
    ),
]
"""A host, or what lies below a path of it."""
_SERVER_TOOLS = ("web_search", "web_fetch")


class ToolReference(Schema):
    """One tool of a filter."""

    type: Literal["tool_reference"] = "tool_reference"
    name: str = Field(min_length=1, max_length=128)


class AnySource(Schema):
    """All URLs of a source count, or none."""

    type: Literal["all", "none"]


class SomeSource(Schema):
    """The URLs in results of these tools count, or of all but these."""

    type: Literal["only", "except"]
    tools: list[ToolReference] = Field(min_length=1, max_length=128)

    @field_validator("tools")
    @classmethod
    def _distinct(cls, tools: list[ToolReference]) -> list[ToolReference]:
        if len({tool.name for tool in tools}) < len(tools):
            raise ValueError("a tool is named more than once")
        return tools


def _written_out(given: Any) -> Any:
    return {"type": given} if isinstance(given, str) else given


ToolSource = Annotated[AnySource | SomeSource, Field(discriminator="type"), BeforeValidator(_written_out)]
TextSource = Annotated[AnySource, BeforeValidator(_written_out)]


class UrlSources(Schema):
    """Whose URLs ``web_fetch`` may open; None means all of that source."""

    client_tool_results: ToolSource | None = None
    server_tool_results: ToolSource | None = None
    user_input: TextSource | None = None

    @field_validator("server_tool_results")
    @classmethod
    def _server_tools(cls, source: AnySource | SomeSource | None) -> AnySource | SomeSource | None:
        if isinstance(source, SomeSource) and any(tool.name not in _SERVER_TOOLS for tool in source.tools):
            raise ValueError(f"only {' and '.join(_SERVER_TOOLS)} can be named")
        return source

    def client_tools(self) -> list[str]:
        """The custom tools that are named."""
        source = self.client_tool_results
        return [tool.name for tool in source.tools] if isinstance(source, SomeSource) else []


class UserLocation(Schema):
    """Where the user roughly is."""

    type: Literal["approximate"]
    city: str | None = Field(default=None, max_length=255)
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    region: str | None = Field(default=None, max_length=255)
    timezone: str | None = Field(default=None, max_length=255)
