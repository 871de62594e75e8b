"""What the demo model reasons before it answers, in the forms of different providers. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Delta = dict[str, Any]

OPENS, CLOSES = "<think>\n", "\n</think>\n\n"

_TEXT: Final = """\
The topic is “{topic}”. First I should be clear about what is wanted: an answer in a fixed shape, \
so nothing may be missing and nothing may be added.

Who will read it? Most likely somebody who looks for something to begin with. So plain words are \
better than clever ones, and a short answer is better than a long one.

Let me think about {topic} for a moment. The obvious things come to mind first. I can keep one or \
two of them, but the rest should be less expected, or there is little use in asking me.

Do any of them say the same thing twice? I would drop the weaker one. Is there anything that I am \
not sure of? Then I leave it out.

Good. I have enough, and I know the order: the strongest first. Now I write it down."""


def reasoning(topic: str) -> str:
    """About four seconds of thought, at the demo's usual pace."""
    return _TEXT.format(topic=topic)


def _in_details(text: str) -> Delta:
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    return {"content": "", "reasoning": text, "reasoning_details": [detail]}


def _in_parts(text: str) -> Delta:
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}


FORMS: Final[dict[str, Callable[[str], Delta]]] = {
    "demo-thinks": lambda text: {"reasoning_content": text},
    "demo-thinks-in-details": _in_details,
    "demo-thinks-in-parts": _in_parts,
    "demo-thinks-in-tags": lambda text: {"content": text},
}
"""What a chunk holds of it, by model: as DeepSeek, OpenRouter and Mistral write it, and in tags, as
it is where a server doesn't know them."""
