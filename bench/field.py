"""The processes of a measurement: one upstream, one client, and each contestant's server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from bench.client import Job, Report
from bench.contestants import Contestant
from bench.documents import LISTS, OTHERS, document
from bench.process import OTHER_CORES, SERVER_CORE, Client, Process, started

PACES: Final = ("flood", "50", "1000")
DIRECT: Final = Contestant("directly", "")
"""Not a contestant: the client reads from the upstream itself."""


class Field:
    """Servers start when they are first needed, and run until the field is left."""

    def __init__(self, stack: AsyncExitStack, upstream: Process, client: Client) -> None:
        self._stack = stack
        self._upstream = upstream
        self._client = client
        self._servers = {DIRECT.server: upstream}

    async def server(self, contestant: Contestant) -> Process:
        """The contestant's server."""
        name = contestant.server
        if name not in self._servers:
            starting = self.new_server(contestant)
            self._servers[name] = await self._stack.enter_async_context(starting)
        return self._servers[name]

    def new_server(self, contestant: Contestant) -> Any:
        """A new server of a contestant for one measurement, as a context manager."""
        return started(*self.arguments(contestant), cores={SERVER_CORE})

    def arguments(self, contestant: Contestant) -> tuple[str, ...]:
        """The arguments of a contestant's server process."""
        models = ",".join(f"{name}.{pace}" for name in (*LISTS, *OTHERS) for pace in PACES)
        upstream = f"{self._upstream.url}/v1"
        return ("bench.serve", contestant.server, upstream, models)

    async def read(
        self,
        contestant: Contestant,
        name: str,
        pace: str,
        streams: int,
        server: Process | None = None,
        **options: Any,
    ) -> tuple[Report, float]:
        """Read a number of streams. Returns the report, and the CPU seconds of the server."""
        server = server or await self.server(contestant)
        query = f"model={name}.{pace}&{contestant.query}"
        job = Job(
            url=f"{server.url}/{document(name).schema}?{query}",
            document=name,
            streams=streams,
            pace=0 if pace == "flood" else float(pace),
            **options,
        )
        before = server.cpu
        report = await self._client.read(job)
        return report, server.cpu - before


@asynccontextmanager
async def field() -> AsyncIterator[Field]:
    """A field with an upstream and a client."""
    async with AsyncExitStack() as stack:
        upstream = started("bench.upstream", cores=OTHER_CORES)
        client = started("bench.client", cores=OTHER_CORES, speaks=False)
        both = [await stack.enter_async_context(process) for process in (upstream, client)]
        yield Field(stack, both[0], Client(both[1]))
