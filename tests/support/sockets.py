"""Helpers for bare sockets: free ports, and connections that are reset."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
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
