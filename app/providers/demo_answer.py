"""PURE: a request to the demo model in, the answer's play out: its text, and its fault.

The table `faults` says what each model name does to the answer; `demo` does nothing to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.providers.demo_chunks import Chunks, completion, problem, to_json
from app.providers.demo_play import Play
from app.providers.demo_request import BadRequest, DemoRequest
from app.providers.demo_spoil import NOTHING, spoil
from app.providers.demo_text import TooDeep, tokens, write_prose, write_value

SECRET: Final = "sk-demo-9f3c2a71-never-to-be-seen"
"""Stands in the demo model's error messages, as real keys do: no client may ever see it."""

REFUSAL: Final = "I'm sorry, but I can't help with that request. Is there anything else?"
ERROR: Final = problem(
    f"The server had an error (key {SECRET}, host inference-7.internal).", "server_error", None
)
SOME: Final = 24  # tokens before a fault that isn't about the length


@dataclass(frozen=True, slots=True)
class Script:
    """What is written of an answer before its fault, and how much in tokens."""

    request: DemoRequest
    created: int
    tokens: list[str]

    @property
    def half(self) -> list[str]:
        """The first half."""
        return self.tokens[: max(1, len(self.tokens) // 2)]

    @property
    def some(self) -> list[str]:
        """Enough to be seen, and never all."""
        return self.half[:SOME]

    def ended(self, written: list[str], finish: str, *, refused: bool = False) -> Play:
        """An answer with a finish reason."""
        if self.request.stream:
            chunks = Chunks(self.request, self.created)
            if refused:
                head, frames = chunks.chunk({"role": "assistant"}), chunks.refusal(written)
            else:
                head, frames = chunks.head(), chunks.answer(written)
            return Play(head=head, frames=frames, tail=chunks.end(finish, len(written)))
        whole = completion(
            self.request,
            self.created,
            "".join(written),
            len(written),
            finish=finish,
            refused=refused,
        )
        # The time that writing takes passes all the same.
        return Play(frames=[b""] * len(written), tail=to_json(whole))
