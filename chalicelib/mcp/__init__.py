"""Servers of tools that speak the Model Context Protocol: connected to during runs, with credentials of vaults."""
