"""What a provider gives: an answer's text as it is written, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one attempt, as the provider counted them."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a model: an attempt at a generation.

    wanted: gives a future that resolves once somebody waits for text; until then a provider
        may let what has come gather for a moment
    """

    model: str
    messages: list[dict[str, Any]]
    response_model: type[BaseModel]
    max_tokens: int | None = None
    wanted: Callable[[], asyncio.Future[bool]] | None = None


class Answer(Protocol):
    """An open answer. `async for` gives its text in pieces, in order, none of them empty.

    active: the loop's time of the last content, or of the last sign that the model reasons
    finish: after the last piece, the provider's finish reason; None where it gave none
    refused: whether the model refused
    usage: None where the provider has not told
    Iterating raises `ProviderError`s only. `aclose` closes the provider's connection at once,
    however far it was read.
    """

    @property
    def active(self) -> float: ...

    @property
    def finish(self) -> str | None: ...

    @property
    def refused(self) -> bool: ...

    @property
    def usage(self) -> Tokens | None: ...

    def __aiter__(self) -> AsyncIterator[str]: ...

    async def aclose(self) -> None: ...


class Provider(Protocol):
    """A source of answers."""

    async def ask(self, ask: Ask) -> Answer:
        """Open an answer, which is to be closed. Returns once the provider has sent a 2xx.

        Raises `ProviderError`s only.
        """
        ...

    async def aclose(self) -> None:
        """Close what the provider holds open."""
        ...
