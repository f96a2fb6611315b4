"""GitHub, Slack and Linear as far as an app of ours meets them: real HTTP, tokens that are checked, answers kept.

with FakeProviders() as fake:
    fake.env()             the environment of a server whose operator has an app at each of them
    fake.callback          the server's address, for the provider that knows where its apps live
    fake.posts             what was posted, in order
    fake.accounts          the accounts that let an app in, by provider
    fake.standing          what the person who comes back from GitHub is there, by account: ``admin`` of an organization
                           unless said otherwise, its ``member``, ``invited``, an ``outsider``, ``unreadable``; of a
                           person's account the ``owner`` or a ``reader``
    fake.suspended         the accounts that let the app in at GitHub, but not now
    fake.refuse(…)         the next answers to posts of a provider, as statuses
    fake.hold() / let_go() posts arrive and are kept, and only their answers wait
    fake.signed(…)         headers and body of a message that a provider sends
"""

from tests.fakes.providers.messages import github_comment, linear_comment, slack_message
from tests.fakes.providers.server import FakeProviders, Post, Signed

__all__ = ["FakeProviders", "Post", "Signed", "github_comment", "linear_comment", "slack_message"]
