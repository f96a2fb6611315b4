"""The operator's wishes for boxes."""

import pytest

from chalicelib.sandbox.box.settings import FIRST_UID, BoxSettings


def test_nothing_said_means_isolation_where_it_can_be_had() -> None:
    found = BoxSettings.from_env({})
    assert (found.mode, found.scratch, found.bwrap, found.first_uid) == ("auto", None, "", FIRST_UID)


def test_all_is_read() -> None:
    env = {
        "LAMBENT_SANDBOX": " Unsafe-Process ",
        "LAMBENT_SANDBOX_SCRATCH": "/var/boxes",
        "LAMBENT_BWRAP": "/opt/bwrap",
        "LAMBENT_SANDBOX_FIRST_UID": "100000",
    }
    found = BoxSettings.from_env(env, outbound_allow=("10.0.0.1",))
    assert (found.mode, str(found.scratch), found.bwrap) == ("unsafe-process", "/var/boxes", "/opt/bwrap")
    assert (found.first_uid, found.outbound_allow) == (100_000, ("10.0.0.1",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAMBENT_SANDBOX", "docker"),
        ("LAMBENT_SANDBOX_FIRST_UID", "-1"),
        ("LAMBENT_SANDBOX_FIRST_UID", "0"),
        ("LAMBENT_SANDBOX_FIRST_UID", "1000"),
        ("LAMBENT_SANDBOX_FIRST_UID", "4294967295"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        BoxSettings.from_env({name: value})
