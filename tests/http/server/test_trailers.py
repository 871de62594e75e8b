"""What comes in a trailer counts for nothing, and has a bound; a request has one host."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from app.http.server.protocol import HEAD_BYTES
from tests.support.callers import KEYED, WEB
from tests.support.raw import exchange
from tests.support.service import Service, eventually, running

BODY = b'{"topic": "tea", "count": 1}'
LINES = ("POST /ideas HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json")


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


def chunked(*lines: str, trailer: bytes = b"", body: bytes = BODY) -> bytes:
    """A request with a chunked body, and what comes after its last chunk."""
    begun = head(*LINES, *lines, "Transfer-Encoding: chunked", "Connection: close")
    return begun + b"%x\r\n%b\r\n0\r\n" % (len(body), body) + trailer


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


async def test_a_key_in_a_trailer_lets_nobody_in() -> None:
    async with running(**KEYED) as service:
        sent = chunked(trailer=f"X-API-Key: {WEB}\r\n\r\n".encode())
        assert statuses(await exchange(service.url, sent)) == [401]
        sent = chunked(f"X-API-Key: {WEB}", trailer=b"X-API-Key: wrong\r\n\r\n")
        assert statuses(await exchange(service.url, sent)) == [200]


@pytest.mark.asyncio(loop_scope="module")
async def test_headers_in_a_trailer_are_dropped(service: Service) -> None:
    trailer = b"Idempotency-Key: k\r\nLast-Event-ID: x-1\r\nAccept: application/json\r\n\r\n"
    streams = []
    for _ in range(2):
        answer = await exchange(service.url, chunked(trailer=trailer))
        assert b"content-type: text/event-stream" in answer
        streams += re.findall(rb'"stream":"(\w+)"', answer)
    assert len(set(streams)) == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_a_small_trailer_is_allowed(service: Service) -> None:
    trailer = b"X-Checksum: " + b"a" * 60_000 + b"\r\n\r\n"
    assert statuses(await exchange(service.url, chunked(trailer=trailer))) == [200]


def one_line() -> Iterator[bytes]:
    yield b"X-Huge: "
    while True:
        yield b"a" * 8192


def many_lines() -> Iterator[bytes]:
    while True:
        yield b"X-Many: a\r\n" * 700


def chunk_extension() -> Iterator[bytes]:
    yield b"5;"
    while True:
        yield b"a" * 8192


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("endless", [one_line, many_lines])
async def test_a_trailer_without_an_end_is_431_and_closes(
    service: Service, endless: Callable[[], Iterator[bytes]]
) -> None:
    answer = await flood(service, chunked(), endless())
    assert statuses(answer) == [431]
    assert json.loads(answer.split(b"\r\n\r\n")[1])["code"] == "headers_too_large"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_chunk_whose_head_has_no_end_is_431_and_closes(service: Service) -> None:
    begun = head(*LINES, "Transfer-Encoding: chunked")
    assert statuses(await flood(service, begun, chunk_extension())) == [431]


async def test_a_trailer_after_an_early_answer_only_closes() -> None:
    """The key is missing, so the answer is there before the body's end."""
    async with running(**KEYED) as service:
        await flood(service, chunked(), one_line())
        await eventually(lambda: service.connections == 0)


@pytest.mark.parametrize("begun", [chunked(), head(*LINES, "Transfer-Encoding: chunked")])
async def test_what_is_no_body_in_the_middle_of_an_answer_only_closes(begun: bytes) -> None:
    """The key is missing, so the answer is there before the body's end."""
    async with running(**KEYED) as service:
        host, port = service.url.removeprefix("http://").rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(begun)
        answer = await reader.readuntil(b"}")
        with suppress(ConnectionError):
            writer.write(b"no chunk\r\n\r\n")
            answer += await reader.read()
        writer.close()
        assert statuses(answer) == [401]
        await eventually(lambda: service.connections == 0)


async def flood(service: Service, begun: bytes, more: Iterator[bytes]) -> bytes:
    """Send bytes until the connection is closed. Gives the answer, if it has come through."""
    host, port = service.url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    reading = asyncio.create_task(reader.read())
    sent = 0
    with suppress(ConnectionError):
        writer.write(begun)
        while not reading.done() and sent < 8 * HEAD_BYTES:
            piece = next(more)
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
    try:
        return await asyncio.wait_for(reading, 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


# -- the host --------------------------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /healthz HTTP/1.1"], 400),
        (["GET /healthz HTTP/1.1", "Host:"], 400),
        (["GET /healthz HTTP/1.1", "Host:  "], 400),
        (["GET /healthz HTTP/1.1", "Host: 127.0.0.1", "Host: 127.0.0.1"], 400),
        (["GET /healthz HTTP/1.1", "Host: 127.0.0.1", "host: evil.example"], 400),
        (["GET /healthz HTTP/1.1", "Host: 127.0.0.1"], 200),
        (["GET /healthz HTTP/1.0"], 200),
        (["GET /healthz HTTP/1.0", "Host: a", "Host: b"], 400),
    ],
)
async def test_a_request_has_one_host(service: Service, lines: list[str], status: int) -> None:
    answer = await exchange(service.url, head(*lines, "Connection: close"))
    assert statuses(answer) == [status]
