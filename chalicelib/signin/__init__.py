"""People who sign in with a browser: who they are, which tenants they belong to, and how long they stay."""
