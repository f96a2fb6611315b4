"""Two processes that do the same at the same time do it once; rules take up as many issues as they may."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.integrations.drafts import RuleCreate
from chalicelib.integrations.model import Rule
from chalicelib.integrations.store import next_of
from chalicelib.storage.listing import Window
from tests.fakes.providers import linear_comment
from tests.functional.integrations.conftest import Bureau


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """What each of them gave."""
    with ThreadPoolExecutor(len(work)) as pool:
        return [one.result() for one in [pool.submit(each) for each in work]]


def sessions(bureau: Bureau) -> list[str]:
    """The tenant's sessions."""
    found, _ = bureau.services.sessions.page(bureau.space, Window(50), lambda _head: True)
    return [one.head.id for one in found]


def test_a_message_that_comes_twice_at_once_opens_one_session_with_one_input(bureau: Bureau) -> None:
    sent = bureau.fake.signed("linear", linear_comment(bureau.installation.external_id, "@Robin hello"))

    def deliver(services: Any) -> Callable[[], Any]:
        return lambda: services.integrations.inbound.of_operator("linear", "linear-client", sent.headers, sent.body)

    assert at_once(*[deliver(bureau.services), deliver(bureau.other)] * 2) == [{"ok": True}] * 4
    [session] = sessions(bureau)
    from chalicelib.events.log import SessionRef

    ref = SessionRef(bureau.space, session)
    assert bureau.services.session_store.load(ref).head.queued == 1


def test_a_token_that_ended_is_renewed_once_for_all(bureau: Bureau) -> None:
    def token(services: Any) -> Callable[[], Any]:
        return lambda: services.integrations.apps.token(bureau.space, bureau.installation)

    given = at_once(token(bureau.services), token(bureau.other), token(bureau.services), token(bureau.other))
    assert len(set(given)) == 1
    assert bureau.fake.calls.count("POST /linear/api/oauth/token") == 1
    stored = bureau.services.integrations.installs.get(bureau.space, "linear", bureau.installation.id)
    assert bureau.services.integrations.apps.grant(bureau.space, stored).access == given[0]
    assert stored.active


def test_a_rule_takes_up_issues_until_enough_are_at_work(bureau: Bureau) -> None:
    bureau.fake.issues = [{"id": f"issue-{n}", "identifier": f"ENG-{n}", "title": "x"} for n in range(4)]
    rules = bureau.services.integrations.rules
    rule = rules.add(bureau.space, bureau.publication.id, RuleCreate(label="agent", max_concurrent=3))
    rules.follow(bureau.space, bureau.publication.id)
    assert len(sessions(bureau)) == 3
    assert bureau.fake.filters == [{"labels": {"name": {"eq": "agent"}}}]
    rules.follow(bureau.space, bureau.publication.id)
    assert len(bureau.fake.filters) == 1
    [after] = rules.all(bureau.space, bureau.publication.id)
    assert after.next_at - rule.next_at >= 600_000
    _make_due(bureau, after)
    rules.follow(bureau.space, bureau.publication.id)
    assert (len(bureau.fake.filters), len(sessions(bureau))) == (2, 3)


def _make_due(bureau: Bureau, rule: Rule) -> None:
    from chalicelib.integrations.drafts import RuleUpdate

    update = RuleUpdate(name="due")
    after = bureau.services.integrations.rules.update(bureau.space, bureau.publication.id, rule.id, update)
    assert after == replace(rule, name="due", next_at=after.next_at, revision=rule.revision + 1)
    assert after.next_at < rule.next_at


def test_the_clock_finds_rules_and_talks_that_wait(bureau: Bureau) -> None:
    from chalicelib.core.clock import now_ms
    from chalicelib.webhooks.due import due_errands

    bureau.services.integrations.rules.add(bureau.space, bureau.publication.id, RuleCreate(state="Todo"))
    sent = bureau.fake.signed("linear", linear_comment(bureau.installation.external_id, "@Robin hello"))
    bureau.services.integrations.inbound.of_operator("linear", "linear-client", sent.headers, sent.body)
    due = {(one.kind, one.thing) for one in due_errands(bureau.services.table, now_ms() + 60_000)}
    assert due == {("integration_rules", bureau.publication.id), ("integration_talk", sessions(bureau)[0])}


def test_an_installation_that_changes_while_it_is_forgotten_is_forgotten_all_the_same(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    installs, space = bureau.services.integrations.installs, bureau.space
    speaker, store = bureau.services.integrations.apps.provider("linear"), bureau.services.integrations.installs._store

    def renewed_meanwhile(*_args: Any) -> None:
        before = store.installation(space, "linear", bureau.installation.id)
        assert store.change_installation(space, next_of(before, updated_at=before.updated_at + 1))

    monkeypatch.setattr(speaker, "revoke", renewed_meanwhile)
    installs.uninstall(space, "linear")
    assert installs.all(space, "linear") == []
