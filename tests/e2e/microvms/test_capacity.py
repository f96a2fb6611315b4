"""Clients ask again as long as there is no MicroVM to be had."""

import pytest
from e2b import Sandbox, ServiceBusyException

from tests.e2e.e2b.conftest import Options
from tests.fakes.microvms import MicrovmsFake


def test_a_client_asks_up_to_four_times(options: Options, microvms: MicrovmsFake) -> None:
    microvms.fail("run", 402, "InsufficientCapacityException", times=3)
    before = microvms.count("run")
    with Sandbox.create(**options) as sandbox:
        assert sandbox.commands.run("echo here").stdout == "here\n"
    assert microvms.count("run") - before == 4
    microvms.fail("run", 402, "InsufficientCapacityException", times=4)
    with pytest.raises(ServiceBusyException):
        Sandbox.create(**options)
    assert microvms.count("run") - before == 8
    assert Sandbox.list(**options).next_items() == []
