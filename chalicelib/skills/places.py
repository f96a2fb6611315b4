"""Where the folders of skills stand."""

FOLDER = "/home/user/.skills"
"""As an agent sees them in a sandbox."""
WORKER_FOLDER = "skills"
"""Where a worker of the customer puts them, from its working directory."""
