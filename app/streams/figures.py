"""What is counted and timed of a stream and of its attempts.

The loop's clock does not move within one turn of the loop, and counts whole milliseconds. So what
the service itself takes is measured by `time.perf_counter`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from app.providers.base import Tokens
from app.streams.log_entry import Usage


@dataclass(slots=True)
class AttemptFigures:
    """One attempt, for which a provider was asked. Times are those of `perf_counter`.

    model, provider: whom it has asked
    asked: when it began to make its first request; began: the same, of the request that was
        answered
    sent: when the request that was answered went out; None: none was
    first_content, content: when content was first read, and last
    unanswered: whether a request has gone out to which there was no answer
    code: done, or that of the error that has ended it
    tokens: what it has used; estimated: whether the provider has not told it
    cost_usd: None where the prices are not known
    """

    model: str
    provider: str
    asked: float
    began: float
    sent: float | None = None
    first_content: float | None = None
    content: float = 0.0
    ended: float | None = None
    unanswered: bool = False
    code: str = ""
    tokens: Tokens | None = None
    estimated: bool = False
    cost_usd: float | None = None


@dataclass(slots=True, kw_only=True)
class Figures:
    """What is counted in a stream.

    started, first_content, ended: by the loop's time
    begun, content: when the stream was begun, and content was last read, by `perf_counter`
    before: the seconds for which other processes have generated the stream before this one
    estimated_tokens: a quarter of the characters of those attempts whose tokens the provider has
        not reported
    messages: the messages that were sent to its followers
    cause: what caused the error that ended it; only the log gets this
    models: those that have answered, as each has to be paid
    tried: its attempts. Their number is bounded by the settings
    restarts: the codes of what had failed
    fallbacks: the models that it has gone on from, and why: the code of an error, or circuit_open
    overhead: what the service has added to the first content, until it was sent to the first
        reader. None: no reader of the call that began the stream was sent any
    """

    started: float
    before: float = 0.0
    begun: float = field(default_factory=perf_counter)
    first_content: float | None = None
    content: float = 0.0
    ended: float | None = None
    content_bytes: int = 0
    attempts: int = 0
    usage: Usage | None = None
    estimated_tokens: int = 0
    messages: int = 0
    cause: str | None = None
    models: list[str] = field(default_factory=list)
    tried: list[AttemptFigures] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    fallbacks: list[tuple[str, str]] = field(default_factory=list)
    overhead: float | None = None

    @property
    def asking_seconds(self) -> float:
        """What the service has taken to ask the provider for what became the first content."""
        if not self.tried:
            return 0.0
        answered = next((tried for tried in self.tried if tried.first_content is not None), None)
        asking = answered.sent - answered.began if answered and answered.sent else 0.0
        return self.tried[0].asked - self.begun + asking

    @property
    def first_read(self) -> float | None:
        """When the first content was read, by `perf_counter`."""
        return next((tried.first_content for tried in self.tried if tried.first_content), None)

    @property
    def tokens(self) -> int:
        """The tokens of all attempts. Those that the provider has not reported are estimated."""
        told = self.usage.input_tokens + self.usage.output_tokens if self.usage else 0
        return told + self.estimated_tokens

    @property
    def cost_usd(self) -> float | None:
        """What all attempts have cost; None where the price of one is not known, or there is none.

        The tokens that the provider has not reported are estimated.
        """
        costs = [tried.cost_usd for tried in self.tried if tried.tokens is not None]
        known = [cost for cost in costs if cost is not None]
        return round(sum(known), 9) if known and len(known) == len(costs) else None

    @property
    def known_cost_usd(self) -> float:
        """The cost of those attempts whose price is known."""
        return sum(tried.cost_usd or 0.0 for tried in self.tried)

    @property
    def told_cost_usd(self) -> float | None:
        """The cost of the tokens that providers have told; None where a price is not known."""
        costs = [tried.cost_usd for tried in self.tried if tried.tokens and not tried.estimated]
        known = [cost for cost in costs if cost is not None]
        return round(sum(known), 9) if known and len(known) == len(costs) else None

    @property
    def duration_ms(self) -> int:
        """From the request to the end, or to now if the stream runs."""
        ended = self.ended or asyncio.get_running_loop().time()
        return round((ended - self.started + self.before) * 1000)

    @property
    def first_content_ms(self) -> int | None:
        """From the request to the model's first content; None if there was no content."""
        first = self.first_content
        return None if first is None else round((first - self.started) * 1000)
