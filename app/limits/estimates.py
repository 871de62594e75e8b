"""What a stream will use, before it begins: so much of a caller's budget is set aside for it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from app.partial.value import dumps
from app.providers.base import Tokens
from app.schemas.entry import SchemaEntry
from app.streams.figures import Figures
from app.streams.request import GenerationRequest

CHARACTERS: Final = 4
"""So many make a token, roughly."""

FIRST_GUESS: Final = 1000
"""Tokens of an answer, while there was none by its schema and the schema sets no `max_tokens`."""

WEIGHT: Final = 0.1
"""Of the newest answer in what is typical."""


class Estimates:
    """Estimates the tokens of streams. What is typical of a schema is learned from its answers."""

    def __init__(self) -> None:
        self._typical: dict[str, float] = {}

    def of(self, wanted: GenerationRequest) -> Tokens:
        """The prompt, the schema, and its typical answer; `max_tokens` while there was none."""
        prompt = sum(len(message["content"]) for message in wanted.messages)
        given = (prompt + _schema_size(wanted.entry)) // CHARACTERS
        first = wanted.entry.schema.max_tokens or FIRST_GUESS
        return Tokens(given, round(self._typical.get(wanted.entry.name, first)))

    def learn(self, schema: str, figures: Figures) -> None:
        """A stream has ended, and these are its figures."""
        written = sum(tried.tokens.output_tokens for tried in figures.tried if tried.tokens)
        if written:
            before = self._typical.get(schema, written)
            self._typical[schema] = before + WEIGHT * (written - before)


@lru_cache(maxsize=1000)
def _schema_size(entry: SchemaEntry) -> int:
    return len(dumps(entry.result_json_schema))
