"""A name server that knows one name, for a proxy that asks for its replicas."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

ANSWER = 0x8180
"""The flags of an answer without an error (RFC 1035 4.1.1)."""

HEADER_BYTES = 12
POINTER = b"\xc0\x0c"
"""The name of the question, which each record repeats (RFC 1035 4.1.4)."""


class NameServer(asyncio.DatagramProtocol):
    """Gives these addresses to whoever asks for any name. They may be changed."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = data[HEADER_BYTES:]
        counts = struct.pack(">4H", 1, len(self.addresses), 0, 0)
        records = (POINTER + struct.pack(">2HIH", 1, 1, 1, 4) for _ in self.addresses)
        found = map(socket.inet_aton, self.addresses)
        body = b"".join(record + address for record, address in zip(records, found, strict=True))
        self.transport.sendto(data[:2] + struct.pack(">H", ANSWER) + counts + question + body, addr)


@asynccontextmanager
async def name_server(*addresses: str) -> AsyncIterator[tuple[NameServer, int]]:
    """A name server on this machine, and its port."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(list(addresses)), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
