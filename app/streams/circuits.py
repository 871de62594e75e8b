"""A circuit for each model: a model that fails again and again is passed over for a while.

    closed ── so many failures in a row ──> open ── some seconds later ──> half open
      ^                                      ^                              │ one stream tries it
      └───────────── it gives content ───────┼──────────────────────────────┤
                                             └────────── it fails ──────────┘

purgatory counts the failures and keeps the state: https://mardiros.github.io/purgatory/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from purgatory import AsyncCircuitBreakerFactory, ContextChanged, Event
from purgatory.domain.model import CLOSED, OPENED, OpenedState

from app.errors import (
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)

_FAILURES = (
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)
"""What the next stream would most likely meet as well. A rejection may be due to one request."""


class CircuitOpen(Exception):
    """The model is passed over."""


class Trial:
    """One stream's turn at a model.

    contexts: hold the circuit's; None: there is no circuit that learns of it
    """

    def __init__(self, contexts: AsyncExitStack | None = None) -> None:
        self._contexts = contexts

    async def worked(self) -> None:
        """The model has given content. What fails after that is not told to the circuit."""
        if self._contexts is not None:
            await self._contexts.aclose()

    def abandon(self) -> None:
        """Tell the circuit nothing: purgatory would count any end without a failure as success."""
        if self._contexts is not None:
            self._contexts.pop_all()


class Circuits:
    """The circuits of a process.

    failures: how many in a row open a circuit
    seconds: after which an open circuit lets one stream try the model
    on_change: is called with a model and whether its circuit is open, when that has changed
    """

    def __init__(
        self, failures: int, seconds: float, on_change: Callable[[str, bool], None]
    ) -> None:
        self._breakers = AsyncCircuitBreakerFactory(failures, seconds)
        self._breakers.add_listener(self._changed)
        self._on_change = on_change
        self._open: dict[str, Trial | None] = {}
        """The models whose circuit is not closed, with the trial that decides about it."""

    @property
    def open(self) -> tuple[str, ...]:
        """The models whose circuit is not closed."""
        return tuple(self._open)

    @asynccontextmanager
    async def trial(self, model: str) -> AsyncIterator[Trial]:
        """A turn at a model, whose circuit learns how it goes up to the first content.

        Raises `CircuitOpen` if the model is passed over.
        """
        async with AsyncExitStack() as contexts:
            if self._open.get(model) or not await self._let_in(model, contexts):
                raise CircuitOpen
            trial = Trial(contexts)
            if model in self._open:
                self._open[model] = trial
            try:
                yield trial
            except _FAILURES:
                raise
            except BaseException:
                trial.abandon()
                raise
            finally:
                if self._open.get(model) is trial:
                    self._open[model] = None

    async def _let_in(self, model: str, contexts: AsyncExitStack) -> bool:
        try:
            await contexts.enter_async_context(await self._breakers.get_breaker(model))
        except OpenedState as error:
            # It is one object, raised again and again, and its traceback would grow each time.
            error.with_traceback(None)
            return False
        return True

    def _changed(self, model: str, _kind: str, event: Event) -> None:
        """What purgatory tells.

        It tells that a circuit is half open only once its trial is over, so that is passed over.
        """
        state = event.state if isinstance(event, ContextChanged) else None
        if state == OPENED and model not in self._open:
            self._open[model] = None
            self._on_change(model, True)
        elif state == CLOSED:
            self._open.pop(model)
            self._on_change(model, False)
