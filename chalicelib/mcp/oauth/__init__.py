"""How a person lets a vault use an MCP server in their name."""
