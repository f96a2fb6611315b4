"""Which computers a process uses."""

import subprocess
import sys

from chalicelib.sandbox.hosts.choose import choose_host
from chalicelib.sandbox.settings import MicrovmSettings, SandboxSettings


def test_an_image_means_microvms() -> None:
    host = choose_host(SandboxSettings(microvm=MicrovmSettings(image="arn:image")), "us-east-1")
    assert host.name == "microvm"
    host.close()


def test_without_one_this_machine_does() -> None:
    host = choose_host(SandboxSettings(), "us-east-1")
    assert host.name == "local"
    host.close()


def test_choosing_microvms_loads_neither_boxes_nor_an_aws_client() -> None:
    program = (
        "import sys\n"
        "from chalicelib.sandbox.hosts.choose import choose_host\n"
        "from chalicelib.sandbox.settings import MicrovmSettings, SandboxSettings\n"
        "choose_host(SandboxSettings(microvm=MicrovmSettings(image='arn:image')), 'us-east-1')\n"
        "print([name for name in ('boto3', 'botocore', 'chalicelib.sandbox.hosts.local') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
