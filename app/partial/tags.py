"""The tags between which models write reasoning into their text."""

from __future__ import annotations

import re
from typing import Final

_NAMES = "think|thinking|thoughts?|reason|reasoning|reflection|analysis|scratchpad"
OPENS: Final = (
    rf"<(?:\w+:)?(?:{_NAMES})>|\[think\]|◁think▷|<\|(?:begin_of_thought|start_thinking)\|>"
    r"|<\|channel\|>analysis"
)
CLOSES: Final = (
    rf"</(?:\w+:)?(?:{_NAMES})>|\[/think\]|◁/think▷|<\|(?:end_of_thought|end_thinking)\|>"
    r"|<\|channel\|>final"
)
LONGEST: Final = 32
"""Characters of the longest tag, at most."""

opens: Final = re.compile(OPENS, re.IGNORECASE)
closes: Final = re.compile(CLOSES, re.IGNORECASE)
token: Final = re.compile(r"<\|\w+\|>|</?s>")
"""Of a chat template, which some models let out."""

cut_mark: Final = re.compile(r"(?:[<\[◁][^\s<\[◁]*|`+|~+)\Z")
"""The end of a piece of text that may be the beginning of a tag, or of a fence."""


def without_tags(text: str) -> str:
    """Reasoning without the tags and tokens in it."""
    return token.sub("", opens.sub("", text))


class Tagged:
    """Parts content that begins with reasoning in tags, in pieces cut anywhere.

    Content that begins with anything else is left as it is.
    """

    def __init__(self) -> None:
        self._inside = False
        self._over = False  # whether something else has begun
        self._rest = ""  # the end of a piece that may have cut a tag

    def feed(self, piece: str) -> tuple[str, str]:
        """What this piece adds to the reasoning, and to the content without it."""
        text, self._rest = self._rest + piece, ""
        reasoned: list[str] = []
        while text and not self._over:
            if self._inside:
                text = self._reason(text, reasoned)
            elif text.isspace():
                break
            elif found := opens.match(text.lstrip()):
                self._inside, text = True, text.lstrip()[found.end() :]
            elif len(text) < LONGEST and cut_mark.match(text.lstrip()):
                self._rest, text = text, ""
            else:
                self._over = True
        return without_tags("".join(reasoned)), text

    def end(self) -> str:
        """The content that was held back, because it might have begun a tag."""
        rest, self._rest = self._rest, ""
        return "" if self._inside else rest

    def _reason(self, text: str, reasoned: list[str]) -> str:
        """Take reasoning up to its end. Gives what follows it."""
        if found := closes.search(text):
            self._inside = False
            reasoned.append(text[: found.start()])
            return text[found.end() :]
        cut = cut_mark.search(text, max(len(text) - LONGEST, 0))
        self._rest = cut[0] if cut else ""
        reasoned.append(text[: cut.start()] if cut else text)
        return ""
