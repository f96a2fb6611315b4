"""Deploys build/package to an AWS emulator on this machine and sends it a message.

    python scripts/rehearse_deploy.py

API Gateway, FIFO queue, functions and tables are the emulator's; the model and the MicroVMs are the tests' fakes.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rehearse_conversation
import rehearse_emulator
import rehearse_stack
from rehearse_stack import Deployment

PACKAGE = rehearse_emulator.ROOT / "build" / "package"
MODEL = "claude-fake"
SIGN_IN = {
    "PublicUrl": "https://agents.example.com",
    "SignInClientId": "client-of-the-rehearsal",
    "SignInAllow": "example.com,ada@elsewhere.org",
}
# What an operator would keep as one secret; GitHub's private key is longer than an environment has room for.
APPS = {
    "LAMBENT_GITHUB_APP_ID": 123456,
    "LAMBENT_GITHUB_APP_SLUG": "rehearsal",
    "LAMBENT_GITHUB_CLIENT_ID": "Iv1.rehearsal",
    "LAMBENT_GITHUB_CLIENT_SECRET": "secret-of-the-app",
    "LAMBENT_GITHUB_PRIVATE_KEY": "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *["0" * 64] * 50]),
    "LAMBENT_GITHUB_WEBHOOK_SECRET": "secret-of-the-webhooks",
}


@contextmanager
def deployed(package: Path = PACKAGE) -> Iterator[tuple[Deployment, str, Path]]:
    """The package, deployed, with a fake model behind it; the operator's root key; the functions' log."""
    root_key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        with (
            _said("tests.fakes.microvms") as microvms,
            _said("tests.fakes.model_server", "0") as model_url,
            rehearse_emulator.running(scratch, _endpoints(microvms)) as emulator,
        ):
            parameters = {
                "RootKeySha256": hashlib.sha256(root_key.encode()).hexdigest(),
                "DefaultModel": MODEL,
                "AnthropicBaseUrl": model_url,
                "MicrovmImage": json.loads(microvms)["LAMBENT_MICROVM_IMAGE"],
                **_secrets(emulator.endpoint),
                **SIGN_IN,
            }
            stack = rehearse_stack.deploy(emulator.endpoint, package, scratch, parameters)
            yield stack, root_key, emulator.log


def _secrets(endpoint: str) -> dict[str, str]:
    """The parameters that name secrets, once the emulator has these."""
    rehearse_stack.keep_secret(endpoint, "lambent/anthropic", "fake")
    rehearse_stack.keep_secret(endpoint, "lambent/sign-in", "secret-of-the-client")
    return {
        "AnthropicApiKeySecret": "lambent/anthropic",
        "SignInSecret": "lambent/sign-in",
        "IntegrationsSecret": rehearse_stack.keep_secret(endpoint, "lambent/integrations", json.dumps(APPS)),
    }


def _endpoints(told: str) -> dict[str, str]:
    """Of what a stand-in tells, the address of its API: the rest reaches functions as in AWS, by the template."""
    return {name: value for name, value in json.loads(told).items() if name.startswith("AWS_ENDPOINT_URL_")}


@contextmanager
def _said(module: str, *words: str) -> Iterator[str]:
    """A program that stands in for something outside, and the line that tells where it is."""
    command = [sys.executable, "-m", module, *words]
    process = subprocess.Popen(command, cwd=rehearse_emulator.ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


def main() -> int:
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    with deployed() as (stack, root_key, log):
        tell(f"deployed {len(stack.resources)} resources: {stack.api_url}")
        try:
            api = rehearse_conversation.tenant(stack.api_url, root_key)
            session = rehearse_conversation.session(api, MODEL)
            tell(f"session {session}")
            for turn, text in enumerate(("Hello", "And again"), start=1):
                rehearse_conversation.say(api, session, text)
                said = rehearse_conversation.reply(api, session, turns=turn)
                tell(f"turn {turn}: {said!r}")
        except (rehearse_conversation.CallFailedError, rehearse_conversation.NoReplyError) as error:
            print(log.read_text(errors="replace")[-8000:], file=sys.stderr)
            tell(f"failed: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
