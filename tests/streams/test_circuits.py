"""Circuits: which outcomes open one, who may try a model then, and what closes it again."""

from __future__ import annotations

import asyncio

import pytest
from purgatory.domain.model import OpenedState

from app.errors import (
    OutputInvalid,
    OutputRefused,
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from app.streams.circuits import CircuitOpen, Circuits
from tests.support.held import held

FOR_EVER = 3600.0
AT_ONCE = 1e-6


class Watched:
    """Circuits that open after two failures, and all that they have told."""

    def __init__(self, seconds: float) -> None:
        self.told: list[tuple[str, bool]] = []
        self.circuits = Circuits(
            2, seconds, lambda model, is_open: self.told.append((model, is_open))
        )

    async def fail(self, error: BaseException | None = None, model: str = "m") -> None:
        """Ask a model that fails."""
        await self.ask(error or ProviderUnavailable(), model, works=False)

    async def ask(
        self, error: BaseException | None = None, model: str = "m", *, works: bool = True
    ) -> None:
        """Ask a model that gives content, if it works, and then fails, if there is an error."""
        try:
            async with self.circuits.trial(model) as trial:
                if works:
                    await trial.worked()
                if error:
                    raise error
        except BaseException as raised:
            if raised is not error:
                raise

    async def is_open(self, model: str = "m") -> bool:
        try:
            async with self.circuits.trial(model) as trial:
                trial.abandon()
        except CircuitOpen:
            return True
        return False

    async def may_try(self, model: str = "m") -> None:
        """Wait until a model is no longer passed over."""
        async with asyncio.timeout(10):
            while await self.is_open(model):  # noqa: ASYNC110
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    "error",
    [
        ProviderUnavailable(),
        ProviderRateLimited(),
        ProviderTimeout(),
        ProviderInterrupted(),
        ProviderProtocol(),
    ],
)
async def test_failures_in_a_row_open_the_circuit_of_one_model(error: Exception) -> None:
    watched = Watched(FOR_EVER)
    await watched.fail(error)
    assert not await watched.is_open()
    await watched.fail(error)
    assert await watched.is_open()
    assert not await watched.is_open("other")
    assert watched.told == [("m", True)]


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        OutputInvalid(),
        OutputRefused(),
        ProviderRejected(),
        RuntimeError(),
    ],
)
async def test_what_says_nothing_of_a_provider_counts_neither_way(error: BaseException) -> None:
    watched = Watched(FOR_EVER)
    await watched.fail()
    await watched.fail(error)
    assert not await watched.is_open()
    await watched.fail()
    assert await watched.is_open()


async def test_a_model_that_works_in_between_begins_anew() -> None:
    watched = Watched(FOR_EVER)
    for _ in range(3):
        await watched.fail()
        await watched.ask()
    assert not await watched.is_open()
    assert watched.told == []


async def test_what_fails_after_the_first_content_is_not_counted() -> None:
    watched = Watched(FOR_EVER)
    for _ in range(2):
        await watched.ask(ProviderInterrupted())
    assert not await watched.is_open()


async def opened() -> Watched:
    """Circuits of which that of `m` has opened, and may be tried."""
    watched = Watched(AT_ONCE)
    await watched.fail()
    await watched.fail()
    await watched.may_try()
    return watched


async def test_one_stream_alone_tries_an_open_circuit_and_its_first_content_closes_it() -> None:
    watched = await opened()
    async with watched.circuits.trial("m") as trial:
        assert await watched.is_open()
        await trial.worked()
        assert not await watched.is_open()
        assert watched.told == [("m", True), ("m", False)]
    await watched.fail()
    assert not await watched.is_open()


async def test_a_try_that_fails_opens_it_again_without_a_word() -> None:
    watched = await opened()
    await watched.fail()
    await watched.may_try()
    async with watched.circuits.trial("m") as trial:
        assert await watched.is_open()
        assert watched.told == [("m", True)]
        await trial.worked()
    assert watched.told == [("m", True), ("m", False)]


async def test_a_try_that_is_cancelled_leaves_it_to_the_next_one() -> None:
    watched = await opened()
    await watched.fail(asyncio.CancelledError())
    assert watched.told == [("m", True)]
    await watched.ask()
    assert watched.told == [("m", True), ("m", False)]


async def test_a_model_that_is_passed_over_costs_no_memory() -> None:
    """purgatory raises one exception again and again, whose traceback would hold every caller."""
    watched = Watched(FOR_EVER)
    await watched.fail(model="leaky")
    await watched.fail(model="leaky")
    assert await watched.is_open("leaky")
    [raised] = (it for it in held(OpenedState) if it.circuit_name == "leaky")
    assert raised.__traceback__ is None
