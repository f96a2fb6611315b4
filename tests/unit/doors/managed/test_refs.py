"""What paths name: ids in every dress, and refusals before anything is read."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import dress, new_id
from chalicelib.doors.managed.refs import agent_ref, path_id, session_ref, tenant_id, vault_ref
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Call
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.storage.keys import Space
from chalicelib.tenants.errors import TenantNotFound
from chalicelib.vaults.errors import VaultNotFound


def call(**path: str) -> Call:
    principal = cast(Any, SimpleNamespace(tenant="t1"))
    return Call(cast(Any, None), principal, "req", {}, path)


def test_a_thing_is_read_with_the_callers_tenant() -> None:
    core = new_id()
    assert agent_ref(call(agent_id=dress("agent", core))) == (Space("t1"), core)
    assert vault_ref(call(vault_id=core)) == (Space("t1"), core)
    assert session_ref(call(session_id=core)) == SessionRef(Space("t1"), core)


def test_what_cannot_be_an_id_is_told_in_the_words_of_the_noun() -> None:
    with pytest.raises(VaultNotFound, match=r"^no such vault$"):
        vault_ref(call(vault_id="vlt_1"))
    with pytest.raises(SessionNotFound, match=r"^there is no session x$"):
        session_ref(call(session_id="x"))
    with pytest.raises(TenantNotFound, match=r"^no tenant y$"):
        tenant_id(call(tenant_id="y"))


def test_an_id_of_another_noun_is_none_of_this_one() -> None:
    with pytest.raises(NotFound, match="gone"):
        path_id(call(vault_id=dress("agent", new_id())), "vlt", "vault_id", lambda: NotFound("gone"))
