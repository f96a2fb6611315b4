"""Sandboxes: live computers over durable workspaces."""
