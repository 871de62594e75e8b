"""Helpers for bare sockets: free ports, and connections that are reset."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from contextlib import suppress
from typing import Any


def free_port() -> int:
    """A port that nobody listens on.

    It is below those that Linux gives to whoever asks for any port, or connects. One of these
    might be taken by another test before the one that asked for it listens on it.
    """
    while True:
        port = 10_240 + secrets.randbelow(22_528)  # of no generator that tests seed
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def listens(port: int) -> bool:
    """Whether something accepts connections at this port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def reset_when_closed(connection: Any) -> None:
    """Let this socket, or that of a transport, send a reset when it is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
