"""How a model wants to be asked, found out while it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Final, TypeVar

import structlog

from app.providers.asking.next_way import next_way, without_tools
from app.providers.asking.refusal import Refusal, Refused
from app.providers.asking.requests import JsonObject, Requests
from app.providers.asking.way import Way
from app.providers.base import CompletionRequest

TRIES: Final = 4
"""How often one completion is asked for, at most, in one way after the other."""

FINDING_SECONDS: Final = 2
"""How long a call waits for another one that finds out. Refusals come at once, and a slow answer
to the other call is not worth more."""

_log = structlog.get_logger("provider")

Answer = TypeVar("Answer")


class Negotiation:
    """What is known of how a model wants to be asked. There is one for each model of a process.

    way: the one in which the next call begins
    """

    def __init__(self, requests: Requests) -> None:
        self.way = requests.first_way()
        self._requests = requests
        self._told = self.way
        self._finding = asyncio.Lock()

    async def opened(
        self, request: CompletionRequest, ask: Callable[[JsonObject, Way], Awaitable[Answer]]
    ) -> tuple[Way, Answer]:
        """The way in which the provider was asked, and what it answers.

        ask: sends a request's JSON, which asks in that way; raises `Refused`

        What is learned is kept, also if the last try is refused. Of calls that are refused at
        the same time one finds out, and the others wait for it. Raises what `ask` raises.
        """
        left = TRIES
        async with AsyncExitStack() as finding:
            finds_out = False
            while True:
                left -= 1
                if not finds_out:
                    await self._others()
                known = self.way
                way = self._requests.sayable(known, request.response_model)
                try:
                    answer = await ask(self._requests.body(way, request), way)
                except Refused as refused:
                    following = self._following(way, refused.refusal, request)
                    if following is None:
                        raise
                    if not finds_out:
                        await self._turn(finding)
                    if finds_out := self.way == known:
                        self.way = following
                    else:  # another call has gone on meanwhile
                        await finding.aclose()
                    if not left:
                        raise
                else:
                    self._tell(known)
                    return way, answer

    def went_uncalled(self, way: Way) -> None:
        """A model was told to call the tool, and has answered without a call.

        Some servers take tools and don't hold a model to them. The next call asks by a schema.
        """
        forced = way.mode == "tools" and way.tool_choice != "auto"
        if self._requests.settings.mode == "auto" and forced and self.way.mode == "tools":
            self.way = without_tools(self.way)

    def _following(self, way: Way, refusal: Refusal, request: CompletionRequest) -> Way | None:
        """The next way whose request is not the one that was refused; None if there is none."""
        if self._requests.settings.mode != "auto":
            return None
        refused, following = self._requests.body(way, request), next_way(way, refusal)
        while following is not None:
            following = self._requests.sayable(following, request.response_model)
            if self._requests.body(following, request) != refused:
                return following
            following = next_way(following, refusal)
        return None

    async def _others(self) -> None:
        """Wait until no other call finds out."""
        if self._finding.locked():
            async with AsyncExitStack() as turn:
                await self._turn(turn)

    async def _turn(self, finding: AsyncExitStack) -> None:
        """Hold the lock until `finding` is left: the holder finds out.

        Gives up after `FINDING_SECONDS`, and goes on without it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(FINDING_SECONDS):
                await finding.enter_async_context(self._finding)

    def _tell(self, way: Way) -> None:
        """Say once how the model is asked now."""
        if way == self.way and way != self._told:
            self._told = way
            _log.info(
                f"{self._requests.settings.name} does not take requests as they are first made; "
                f"these settings save the detour: {self._requests.settings_for(way)}"
            )
