"""Helpers for bare sockets: free ports, and connections that are reset."""

from __future__ import annotations

import asyncio
import atexit
import secrets
import socket
import struct
from typing import Any

_claims: list[socket.socket] = []
"""A socket for each port that was given to a test of this process."""


def free_port() -> int:
    """A port that nobody listens on, and that no other test is given while this process runs.

    It is below those that Linux gives to whoever asks for any port, or connects. Test processes
    claim a port by a name that only one of them can have. Linux frees it with the process.
    """
    while True:
        port = 10_240 + secrets.randbelow(22_528)  # of no generator that tests seed
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0structured-streams-tests-{port}")
            with socket.create_server(("127.0.0.1", port)):
                _claims.append(claim)
                return port
        except OSError:
            claim.close()


@atexit.register
def _free_ports() -> None:
    for claim in _claims:
        claim.close()


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
