"""Sends requests as bytes, for requests that no client library would send."""

from __future__ import annotations

import asyncio

SECONDS = 10


async def exchange(url: str, request: bytes) -> bytes:
    """Send these bytes. Returns all that the server sends until it closes the connection."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), SECONDS)
    finally:
        writer.close()
