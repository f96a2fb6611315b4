"""Searching the web through a service the operator has chosen."""
