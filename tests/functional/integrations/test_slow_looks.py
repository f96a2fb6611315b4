"""A worker that took so long to look for a reply that another may be at it by now posts nothing."""

from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.integrations.talks import Talk
from chalicelib.integrations.turns import Reply
from tests.functional.integrations.conftest import Bureau

SECOND = 1000


class Clock:
    """The time as the parts of replying see it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = now_ms()
        for module in ("replying", "talks"):
            monkeypatch.setattr(f"chalicelib.integrations.{module}.now_ms", lambda: self.now)


def say(bureau: Bureau, reply: Reply, talk: Talk) -> Talk | None:
    """Try to post a reply that may have been posted before."""
    return bureau.services.integrations.replies._say(bureau.space, talk, bureau.publication, reply)


@pytest.mark.parametrize(("seconds", "posts"), [(30, 1), (45, 0), (120, 0)])
def test_what_was_looked_for_too_long_is_posted_by_the_next_try(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch, seconds: int, posts: int
) -> None:
    clock, speaker = Clock(monkeypatch), bureau.services.integrations.apps.provider("linear")
    talks, session = bureau.services.integrations.replies._talks, new_id()
    talks.expect(bureau.space, session, "linear", bureau.publication.id)
    reply = Reply(f"reply-{session}", 3, "done", {"issue": "issue-1", "parent": "c-1"})
    begun = talks.find(bureau.space, session)
    assert begun is not None
    claimed = talks.claim(bureau.space, begun, reply.id)
    assert claimed is not None
    clock.now += 61 * SECOND
    look = speaker.posted

    def slowly(*args: Any) -> bool:
        clock.now += seconds * SECOND
        return look(*args)

    with monkeypatch.context() as slow:
        slow.setattr(speaker, "posted", slowly)
        after = say(bureau, reply, claimed)
    assert (len(bureau.fake.posts), after is None) == (posts, not posts)
    again = talks.find(bureau.space, session)
    assert again is not None
    if not posts:
        after = say(bureau, reply, again)
    assert after is not None
    assert (after.cursor, [one.text for one in bureau.fake.posts]) == (3, ["done"])
