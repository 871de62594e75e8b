"""A client that is a bare socket, and may not read."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

from tests.support.sockets import reset_when_closed

clients: list[Client] = []
"""All clients. The test that makes them must close them."""


class Client:
    """A client's bare socket with a small buffer, so that unread bytes soon fill the service's."""

    def __init__(self, url: str, **headers: str) -> None:
        clients.append(self)
        parts = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.setblocking(False)
        lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    async def until(self, mark: bytes) -> bytes:
        """The bytes up to this mark, and the mark itself."""
        data = b""
        async with asyncio.timeout(10):
            while mark not in data:
                more = await asyncio.get_running_loop().sock_recv(self.socket, 65536)
                assert more, "the service has closed the connection"
                data += more
        return data

    def leave(self) -> None:
        """Close the connection properly."""
        self.socket.close()

    def vanish(self) -> None:
        """Reset the connection."""
        reset_when_closed(self.socket)
        self.socket.close()
