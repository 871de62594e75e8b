"""What a stream will use, before it begins: so much of a caller's budget is set aside for it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from app.partial.value import dumps
from app.providers.base import TOKEN_CHARACTERS, Tokens
from app.schemas.entry import SchemaEntry
from app.schemas.prompts import try_out
from app.streams.figures import Figures
from app.streams.request import GenerationRequest

FIRST_GUESS: Final = 1000
"""The tokens of the first answer by a schema, unless the schema has `max_tokens`."""

WEIGHT: Final = 0.1
"""How much the newest answer counts for what is typical."""


class Estimates:
    """Estimates the tokens of streams. What is typical of a schema is learned from its streams."""

    def __init__(self) -> None:
        self._given: dict[str, float] = {}
        self._written: dict[str, float] = {}

    def of(self, wanted: GenerationRequest) -> Tokens:
        """The tokens of a stream: its prompt, its schema, and an answer of the usual length.

        Before there was an answer by the schema, its `max_tokens` stands for that length.
        """
        first = wanted.entry.schema.max_tokens or FIRST_GUESS
        return Tokens(self._input(wanted), round(self._written.get(wanted.entry.name, first)))

    def _input(self, wanted: GenerationRequest) -> int:
        """The tokens of the input. A prompt that looks something up is not made for this.

        Of such a prompt, the parameters are counted, or what was typical, if that is more.
        """
        prompt = try_out(wanted.entry.schema, wanted.parameters)
        size = wanted.size if prompt is None else sum(map(len, prompt))
        given = (size + _schema_size(wanted.entry)) // TOKEN_CHARACTERS
        typical = self._given.get(wanted.entry.name, 0) if prompt is None else 0
        return max(given, round(typical))

    def learn(self, schema: str, figures: Figures) -> None:
        """A stream has ended, and these are its figures."""
        told = [tried.tokens for tried in figures.tried if tried.tokens]
        _learn(self._given, schema, sum(tokens.input_tokens for tokens in told))
        _learn(self._written, schema, sum(tokens.output_tokens for tokens in told))


def _learn(typical: dict[str, float], schema: str, tokens: int) -> None:
    if tokens:
        before = typical.get(schema, tokens)
        typical[schema] = before + WEIGHT * (tokens - before)


@lru_cache(maxsize=1000)
def _schema_size(entry: SchemaEntry) -> int:
    return len(dumps(entry.result_json_schema))
