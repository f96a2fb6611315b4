"""What a model call may cost, before it is made."""

from decimal import Decimal

from chalicelib.core import jsonio
from chalicelib.events.projections.conversation import weigh
from chalicelib.models.pricing import Price
from chalicelib.models.request import ModelRequest, blocks_of

CHARACTERS = 4
"""So many characters are reckoned a token."""
_MILLION = Decimal(1_000_000)


class Estimate:
    """The cost of a request at a price, in US dollars. ``seen`` is how many tokens the call before had in view."""

    def __init__(self, price: Price, request: ModelRequest, seen: int = 0) -> None:
        tokens = max(weight(request), seen)
        level = price.above[1] if price.above and tokens > price.above[0] else price
        self.read = max(level.input, level.cache_write) * tokens / _MILLION
        """Of what it reads alone."""
        self.most = self.read + level.output * request.max_tokens / _MILLION
        """Of that and the longest answer."""


def weight(request: ModelRequest) -> int:
    """Roughly the tokens of what the request holds."""
    said = sum(weigh(block) for message in request.messages for block in blocks_of(message["content"]))
    tools = sum(len(jsonio.dumps(tool.input_schema)) + len(tool.description) for tool in request.tools)
    return said + (len(request.system or "") + tools) // CHARACTERS
