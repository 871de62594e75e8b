"""Several processes of the service that share a store and a provider."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.support.http_client import http_client
from tests.support.ideas_provider import IdeasProvider
from tests.support.process import Process, process
from tests.support.service import Service, running

SETTINGS = {"MODEL": "m", "HEARTBEAT_SECONDS": "3", "CONTENT_GAP_TIMEOUT": "600"}


@dataclass(eq=False)
class Node:
    """One of those that serve. name: also the key by which it asks the provider."""

    name: str
    url: str

    async def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        async with http_client(timeout=60) as client:
            lines = (await client.get(self.url + "/metrics")).text.splitlines()
        return sum(float(it.rsplit(" ", 1)[1]) for it in lines if re.match(rf"{name}[ {{]", it))


class ProcessNode(Node):
    """A process of its own."""

    def __init__(self, name: str, serving: Process) -> None:
        super().__init__(name, serving.url)
        self.process = serving

    def pause(self) -> None:
        """Let it stand still, as a machine does that swaps or is moved."""
        self.process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once, with all that it knows."""
        await self.process.kill()


class Cluster:
    """Processes. nodes: those that were started, in order, whether they still run or not."""

    def __init__(self, stack: AsyncExitStack, settings: dict[str, str]) -> None:
        self.nodes: list[ProcessNode] = []
        self._stack = stack
        self._settings = settings
        self._names = count()

    async def add(self, **settings: str) -> ProcessNode:
        """Start one more process. settings: its own, beside those of all."""
        [node] = await self.add_all(1, **settings)
        return node

    async def add_all(self, number: int, **settings: str) -> list[ProcessNode]:
        """Start so many at the same time. They are in the order of their names."""
        found = await asyncio.gather(*(self._started(settings) for _ in range(number)))
        self.nodes += found
        return found

    async def _started(self, settings: dict[str, str]) -> ProcessNode:
        name = f"node{next(self._names)}"
        own = {**self._settings, "OPENAI_API_KEY": name, **settings}
        return ProcessNode(name, await self._stack.enter_async_context(process(**own)))

    @property
    def running(self) -> list[ProcessNode]:
        return [node for node in self.nodes if node.process.is_running]

    def owner(self, provider: IdeasProvider, topic: str) -> ProcessNode:
        """The process that has asked the provider last for a topic: the stream's owner."""
        name = provider.of(topic)[-1].node
        return next(node for node in self.nodes if node.name == name)


@asynccontextmanager
async def cluster(
    number: int, store: str, provider: IdeasProvider, **settings: str
) -> AsyncIterator[Cluster]:
    """So many processes. store: the URL of their store."""
    shared = {"STREAMS_STORE": store, "OPENAI_BASE_URL": provider.base_url, **SETTINGS}
    async with AsyncExitStack() as stack:
        nodes = Cluster(stack, {**shared, **settings})
        await nodes.add_all(number)
        yield nodes


class Inside(Node):
    """A service in the test's own process."""

    def __init__(self, name: str, service: Service) -> None:
        super().__init__(name, service.url)
        self.service = service


@asynccontextmanager
async def services(
    number: int,
    store: str | Sequence[str],
    provider: IdeasProvider,
    *,
    first: int = 0,
    **settings: Any,
) -> AsyncIterator[list[Inside]]:
    """So many services in the test's own process, which cost less than processes.

    store: the URL of their store, or one for each, by which it reaches it
    first: the number in the first one's name
    """
    urls = [store] * number if isinstance(store, str) else store
    shared = {name.lower(): value for name, value in SETTINGS.items()} | settings
    async with AsyncExitStack() as stack:
        yield [
            Inside(
                f"node{index}",
                await stack.enter_async_context(
                    running(
                        streams_store=url,
                        openai_base_url=provider.base_url,
                        openai_api_key=f"node{index}",
                        **shared,
                    )
                ),
            )
            for index, url in enumerate(urls, first)
        ]
