"""Workspaces: durable file trees in the bucket, that outlive the sandboxes over them."""
