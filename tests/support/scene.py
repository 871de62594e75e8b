"""Streams on one service that are read on all of them, while something befalls them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from app.store.health import LEASE_SECONDS, RENEW_SECONDS
from tests.support.cluster import Inside, Node, ProcessNode, cluster, services
from tests.support.connection import Event
from tests.support.ideas_provider import IdeasProvider, ideas_provider
from tests.support.oracle import judge
from tests.support.readers import Reader, Readers, readers

N = TypeVar("N", bound=Node)

VIEWS = ("delta", "items", "snapshot")


class Scene(Generic[N]):
    """nodes: the first of them begins the streams."""

    def __init__(self, provider: IdeasProvider, nodes: Sequence[N], readers: Readers) -> None:
        self.provider = provider
        self.nodes = nodes
        self.readers = readers

    async def settled(self) -> None:
        """Wait until the nodes have known their store for so long that they judge each other."""
        await asyncio.sleep(LEASE_SECONDS + RENEW_SECONDS)

    async def begin(self, topic: str, pieces: int | None = None, *, count: int = 5) -> list[Reader]:
        """Begin a stream, and read it on each node: in two views on the first, in all elsewhere.

        pieces: of the answer; it stops behind them
        Returns its readers, who have all begun. The first one is the one that has begun it.
        """
        if pieces is not None:
            self.provider.stop(topic, pieces)
        first, *others = self.nodes
        begun = self.readers.begin(first, topic, count=count)
        await begun.sees_event("start")
        found = [begun, self.attach(begun, first, "snapshot")]
        found += [self.attach(begun, node, view) for node in others for view in VIEWS]
        for reader in found:
            await reader.sees_event("start")
        if pieces is not None:
            await self.provider.has_stopped(topic)
        return found

    def attach(self, begun: Reader, node: N, view: str = "delta") -> Reader:
        """One more reader of a stream that a reader has begun."""
        assert begun.stream
        return self.readers.attach(node, begun.stream, view=view)

    async def ends(self, topic: str, found: Sequence[Reader], *, asked: int = 1) -> Event:
        """Let the answer go on to its end. Returns the end, which all its readers have got.

        asked: how often the provider was asked for it
        """
        self.provider.go_on(topic)
        await self.readers.end(found)
        requests = self.provider.of(topic)
        end = judge([reader.reading for reader in found], requests)
        assert len(requests) == asked, [(it.node, len(it.there)) for it in requests]
        return end


@asynccontextmanager
async def scene(
    store: str | Sequence[str], number: int = 2, *, pace: float = 0.02, **settings: Any
) -> AsyncIterator[Scene[Inside]]:
    """Services in the test's own process. store: the URL of their store, or one for each."""
    async with (
        ideas_provider(pace) as provider,
        services(number, store, provider, **settings) as nodes,
        readers(lambda: nodes) as reading,
    ):
        yield Scene(provider, nodes, reading)


@asynccontextmanager
async def process_and_service(store: str) -> AsyncIterator[Scene[Node]]:
    """A process of its own, and a service in the test's own process. store: its URL."""
    async with (
        ideas_provider() as provider,
        cluster(1, store, provider) as own,
        services(1, store, provider, first=1) as inside,
        readers(lambda: [*own.running, *inside]) as reading,
    ):
        yield Scene(provider, [*own.nodes, *inside], reading)


@asynccontextmanager
async def processes(
    store: str, number: int = 2, *, pace: float = 0.02, **settings: str
) -> AsyncIterator[Scene[ProcessNode]]:
    """Processes of their own. store: the URL of their store."""
    async with (
        ideas_provider(pace) as provider,
        cluster(number, store, provider, **settings) as nodes,
        readers(lambda: nodes.running) as reading,
    ):
        yield Scene(provider, nodes.nodes, reading)
