"""All streams of this process: begun, counted, and brought to an end when it stops."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Cancelled, Draining
from app.generation import Generation
from app.providers.base import Provider
from app.request import Request
from app.run import Run
from app.settings import Settings
from app.telemetry import Telemetry

ID_BYTES = 16  # 128 random bits: where no keys are set, the id is the secret


class Streams:
    """Begins streams and holds those that run. `provider` is to be set before the first."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.provider: Provider
        self.draining = False
        self._settings = settings
        self._telemetry = telemetry
        self._running: set[Generation] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, request: Request) -> Generation:
        """Begin a stream. Raises `Draining`."""
        if self.draining:
            raise Draining(retry_after=1)
        run = Run(secrets.token_hex(ID_BYTES), request.entry.name, request.model)
        generation = Generation(request, run, self.provider, self._settings)
        task = generation.begin()
        self._running.add(generation)
        self._idle.clear()
        self._telemetry.started(generation)
        task.add_done_callback(lambda _: self._ended(generation))
        return generation

    def _ended(self, generation: Generation) -> None:
        self._running.remove(generation)
        generation.make_sure_it_ended()
        self._telemetry.ended(generation)
        if not generation.target.followers:
            self._telemetry.left(generation)
        if not self._running:
            self._idle.set()

    @contextmanager
    def reading(self, generation: Generation) -> Iterator[None]:
        """Be one of a stream's readers: when the last one goes, it is cancelled."""
        run = generation.target
        run.followers += 1
        try:
            yield
        finally:
            run.followers -= 1
            if not run.followers:
                self._left_alone(generation)

    def _left_alone(self, generation: Generation) -> None:
        if not generation.target.ended:
            generation.stop(Cancelled())
        elif generation not in self._running:
            self._telemetry.left(generation)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more; end what still runs after `seconds` in `draining`."""
        self.draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            await self.stop()

    async def stop(self) -> None:
        """End everything now."""
        self.draining = True
        for generation in list(self._running):
            generation.stop(Draining(retry_after=1))
        await self._idle.wait()
