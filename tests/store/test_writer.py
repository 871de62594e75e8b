"""The writing task of a shard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from app.redis.address import Address
from app.redis.link import Link, Unreachable
from app.store.health import Health
from app.store.writer import Answers, Job, Writer
from tests.support.redis import redis

pytestmark = pytest.mark.asyncio


async def test_whoever_waits_is_told_if_what_is_due_breaks_off() -> None:
    told: list[Answers] = []
    breaks = True

    def due(now: float) -> Iterator[Job]:
        yield Job([("ECHO", "due")], told.append)
        if breaks:
            raise RuntimeError

    async with redis() as url:
        link = Link(Address(url))
        writer = Writer(link, Health(), due, lambda now, seconds: None)
        lost = writer.ask(("ECHO", "lost"))
        with pytest.raises(RuntimeError):
            await writer.flush()
        assert told == [None]
        with pytest.raises(Unreachable):
            await asyncio.wait_for(lost, 1)
        breaks, sent = False, writer.ask(("ECHO", "sent"))
        await writer.flush()
        assert (await sent, told) == ([b"sent"], [None, [b"due"]])
        await link.close()
