"""Programs that read a token from their environment and send it as it is, so that a placeholder can stand for it.

Programs which sign requests with their secret (aws) or look at its form before they send it cannot be on this list.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """Where a program looks for its token, and the hosts it sends it to (``*.x``: the subdomains of x)."""

    variable: str
    hosts: tuple[str, ...]


PROGRAMS = {
    "claude": Program("ANTHROPIC_API_KEY", ("api.anthropic.com",)),
    "doctl": Program("DIGITALOCEAN_ACCESS_TOKEN", ("api.digitalocean.com",)),
    "gh": Program("GH_TOKEN", ("github.com", "*.github.com")),
    "glab": Program("GITLAB_TOKEN", ("gitlab.com",)),
    "heroku": Program("HEROKU_API_KEY", ("api.heroku.com",)),
    "hf": Program("HF_TOKEN", ("huggingface.co", "*.huggingface.co")),
    "netlify": Program("NETLIFY_AUTH_TOKEN", ("api.netlify.com",)),
    "openai": Program("OPENAI_API_KEY", ("api.openai.com",)),
    "wrangler": Program("CLOUDFLARE_API_TOKEN", ("api.cloudflare.com",)),
}
"""By the ``cli_id`` of credentials."""
