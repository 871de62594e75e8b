"""Several processes of the service that share a store and a provider."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import httpx

from tests.support.ideas_provider import IdeasProvider
from tests.support.process import Process, process


class Node:
    """One of the processes. name: also the key by which it asks the provider."""

    def __init__(self, name: str, serving: Process) -> None:
        self.name = name
        self.url = serving.url
        self.process = serving

    def pause(self) -> None:
        """Let it stand still, as a machine does that swaps or is moved."""
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once, with all that it knows."""
        await self.process.kill()

    async def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        async with httpx.AsyncClient() as client:
            lines = (await client.get(self.url + "/metrics")).text.splitlines()
        return sum(float(it.rsplit(" ", 1)[1]) for it in lines if re.match(rf"{name}[ {{]", it))


class Cluster:
    """nodes: those that were started, in order, whether they still run or not."""

    def __init__(self, stack: AsyncExitStack, settings: dict[str, str]) -> None:
        self.nodes: list[Node] = []
        self._stack = stack
        self._settings = settings
        self._names = count()

    async def add(self, **settings: str) -> Node:
        """Start one more process. settings: its own, beside those of all."""
        name = f"node{next(self._names)}"
        own = {**self._settings, "OPENAI_API_KEY": name, **settings}
        node = Node(name, await self._stack.enter_async_context(process(**own)))
        self.nodes.append(node)
        return node

    def owner(self, provider: IdeasProvider, topic: str) -> Node:
        """The process that has asked the provider last for a topic: the stream's owner."""
        name = provider.of(topic)[-1].node
        return next(node for node in self.nodes if node.name == name)

    def others(self, *nodes: Node) -> list[Node]:
        """Those that run, but for these."""
        return [it for it in self.nodes if it not in nodes and it.process.is_running]


@asynccontextmanager
async def cluster(
    number: int, store: str, provider: IdeasProvider, **settings: str
) -> AsyncIterator[Cluster]:
    """So many processes. store: the URL of their store."""
    shared = {"STREAMS_STORE": store, "OPENAI_BASE_URL": provider.base_url, "MODEL": "m"}
    async with AsyncExitStack() as stack:
        nodes = Cluster(stack, {**shared, **settings})
        await asyncio.gather(*(nodes.add() for _ in range(number)))
        yield nodes
