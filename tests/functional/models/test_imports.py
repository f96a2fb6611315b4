"""The heavy SDKs are loaded by the first call or by warming up, never by importing."""

import subprocess
import sys

import pytest

HEAVY = "anthropic", "openai", "httpx2", "xllamacpp", "moto", "boto3"
MODULES = "registry", "runner", "settings", "catalog", "pricing", "limits", "embedded_provider", "anthropic_provider"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", MODULES)
def test_importing_loads_no_sdk(module):
    check = f"import sys, chalicelib.models.{module}; print([name for name in {HEAVY} if name in sys.modules])"
    assert run(check) == "[]"


def test_building_and_asking_a_registry_loads_no_sdk():
    code = f"""
import sys
from chalicelib.models.registry import Registry
from chalicelib.models.settings import ModelSettings
env = dict(ANTHROPIC_API_KEY="a", OPENAI_API_KEY="o", LAMBENT_MODEL="embedded")
registry = Registry(ModelSettings.from_env(env))
registry.resolve("default"), registry.models()
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert run(code) == "[]"


def test_warming_up_loads_only_the_default_models_sdk_in_the_background():
    code = """
import sys, time
from chalicelib.models.registry import Registry
from chalicelib.models.settings import ModelSettings
env = dict(ANTHROPIC_API_KEY="a", OPENAI_API_KEY="o", LAMBENT_DEFAULT_MODEL="gpt-5")
registry = Registry(ModelSettings.from_env(env))
began = time.monotonic()
registry.warm_up()
assert time.monotonic() - began < 0.3
while not registry.resolve("gpt-5").provider._sdk:
    time.sleep(0.01)
print("openai" in sys.modules, "anthropic" in sys.modules)
"""
    assert run(code) == "True False"
