"""What a provider gives: the text of a completion as it is written, and how it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from app.schemas.asked_model import AskedModel

TOKEN_CHARACTERS: Final = 4
"""The characters of a token, roughly."""


class Finish(StrEnum):
    """Why a model has stopped, whatever word its provider has for it."""

    STOP = "stop"
    """It has said all that it wanted to say."""
    LENGTH = "length"
    """It has reached its length limit."""
    FILTERED = "filtered"
    """The provider's content filter has stopped it."""
    REFUSED = "refused"
    """The model has refused."""
    UNSAID = "unsaid"
    """The provider has said that nothing follows, and has given no reason."""
    UNKNOWN = "unknown"
    """The provider has given a reason that we don't know."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one completion, as the provider counted them.

    cached_tokens: those of the input that the provider had cached
    cache_write_tokens: those of the input that it has cached now, which may cost more
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def all(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What a model is asked: one attempt at a value.

    options: fields of the request, which go before those of the model's settings
    """

    model: str
    messages: list[dict[str, Any]]
    response_model: AskedModel
    max_tokens: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Completion(Protocol):
    """A completion that is being written.

    `async for` gives its text in pieces, in order, none of them empty. Where a model may answer in
    several texts of the same kind (calls of a tool), each but the first begins with `ANOTHER` of
    `app/partial/answer.py`. A piece is all the text that has come since the last one: text gathers
    while nobody asks for the next piece. What has come and is not taken is bounded; beyond the
    bound the provider's connection isn't read. Iterating raises `ProviderError`s and
    `OutputError`s only.

    on_reasoning: is called, if it is set, with what the model reasons beside its text, before the
        text that comes after it or with it. Nothing is read while it waits. None, as it is in the
        beginning: what the model reasons is not kept
    """

    on_reasoning: Callable[[str], Awaitable[None]] | None

    @property
    def null_is_absent(self) -> bool:
        """Whether the model had to write each property (the dialect `strict`): a null that is
        not allowed then stands for one that is absent."""
        ...

    @property
    def sent(self) -> float:
        """When the request that was answered went out, by `perf_counter`."""
        ...

    @property
    def read(self) -> float:
        """When bytes were last read, by `perf_counter`."""
        ...

    @property
    def active(self) -> float:
        """When content other than blanks, or a sign that the model reasons, was last read.

        In the time of the event loop; 0 before there was any.
        """
        ...

    @property
    def finish(self) -> Finish | None:
        """Why the model has stopped. Valid after the text; None if the provider doesn't say."""
        ...

    @property
    def finish_word(self) -> str | None:
        """The provider's word for that, for the log; None: there is none."""
        ...

    @property
    def usage(self) -> Tokens | None:
        """The completion's tokens. Valid after the text; None if the provider doesn't say."""
        ...

    @property
    def received(self) -> asyncio.Future[None]:
        """Resolves when nothing more will come. Some text may still be unread then.

        If the connection breaks while nobody reads, it resolves at the next read.
        """
        ...

    @property
    def ahead(self) -> bool:
        """Whether the provider writes faster than it is read, so that a pause would delay it."""
        ...

    def __aiter__(self) -> AsyncIterator[str]: ...


class Provider(Protocol):
    """A source of completions."""

    def complete(self, request: CompletionRequest) -> AbstractAsyncContextManager[Completion]:
        """Ask for a completion.

        Entering the context returns once the provider has answered with a 2xx. Leaving it closes
        the provider's connection, or gives it back where the completion was read to its end, and
        never waits for the provider. Entering raises `ProviderError`s and `OutputError`s only,
        leaving raises nothing.
        """
        ...

    async def aclose(self) -> None:
        """Close what the provider holds open."""
        ...
