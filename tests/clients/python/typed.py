"""What a type checker knows of the client: mypy reads this file, and nothing runs it."""

from __future__ import annotations

from typing import Any, assert_type

import httpx
from pydantic import BaseModel, TypeAdapter
from structured_streams import Partial, Stream, SyncStream, stream, stream_sync
from structured_streams.patch import Path


class Idea(BaseModel):
    title: str


async def by_await(client: httpx.AsyncClient) -> None:
    ideas = stream("http://host", "ideas", list[Idea], topic="tea", count=3, client=client)
    assert_type(ideas, Stream[list[Idea]])
    async for partial in ideas:
        assert_type(partial, Partial)
        assert_type(partial.open, Path | None)
    assert_type(await ideas.final(), list[Idea])
    assert_type(await stream("http://host", "ideas", topic="tea").final(), Any)
    either: TypeAdapter[Idea | int] = TypeAdapter(Idea | int)
    assert_type(await stream("http://host", "ideas", either).final(), Idea | int)


def by_hand(client: httpx.Client) -> None:
    idea = stream_sync("http://host", "idea", Idea, topic="tea", client=client)
    assert_type(idea, SyncStream[Idea])
    assert_type(idea.final(), Idea)
    stream_sync("http://host", "idea", retries="many")  # type: ignore[arg-type]
