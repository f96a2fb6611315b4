"""Who answers."""

NAME = "Lambent"
VERSION = "0.1.0"
DESCRIPTION = "A managed-agents API for your own AWS account: durable sessions, any model, scales to zero."
