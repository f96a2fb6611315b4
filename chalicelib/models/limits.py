"""How much a model can have in view."""

DEFAULT_WINDOW = 128_000
EMBEDDED_WINDOW = 4_096
_WINDOWS = {
    "smollm2": EMBEDDED_WINDOW,
    "claude-": 200_000,
    "claude-opus-4-6": 1_000_000,
    "claude-opus-4-7": 1_000_000,
    "claude-opus-4-8": 1_000_000,
    "claude-opus-5": 1_000_000,
    "claude-sonnet-4-6": 1_000_000,
    "claude-sonnet-5": 1_000_000,
    "claude-haiku-5": 1_000_000,
    "claude-fable-5": 1_000_000,
    "claude-mythos-5": 1_000_000,
    "gpt-3.5": 16_385,
    "gpt-4": 8_192,
    "gpt-4-turbo": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4-0125": 128_000,
    "gpt-4o": 128_000,
    "gpt-4.1": 1_000_000,
    "gpt-5": 400_000,
    "gpt-5-chat": 128_000,
    "gpt-5.3-chat": 128_000,
    "gpt-5.4": 1_050_000,
    "gpt-5.4-mini": 400_000,
    "gpt-5.4-nano": 400_000,
    "gpt-5.5": 1_000_000,
    "gpt-5.6": 1_050_000,
    "gpt-6": 1_050_000,
    "gpt-oss": 131_072,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o3": 200_000,
    "o4-mini": 200_000,
}
_BY_LENGTH = sorted(_WINDOWS, key=len, reverse=True)


def context_window(model: str) -> int:
    """The model's context window in tokens, by the longest known beginning of its id; 128,000 when none is known.

    A provider's prefix (``openai/…``) is ignored.
    """
    bare = model.rsplit("/", 1)[-1]
    return next((_WINDOWS[known] for known in _BY_LENGTH if bare.startswith(known)), DEFAULT_WINDOW)
