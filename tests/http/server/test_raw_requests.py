"""Bytes that no client library would send: refused, in few words that hold nothing of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from app.http.server.protocol import HEAD_BYTES
from tests.http.endpoints.test_any_request import CANARY, some
from tests.support.connection import connected
from tests.support.http_client import http_client
from tests.support.raw import exchange
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, holding, upstream

KNOWN = b"c4n4ry"
MOST = 1024
"""Bytes of a refusal, its headers included."""


def check(answer: bytes) -> list[int]:
    """The statuses in all that came back: none is a fault, and refusals say nothing of ours."""
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
    assert all(status < 500 for status in statuses), answer[:MOST]
    if statuses and statuses[-1] >= 400:
        assert KNOWN not in answer.lower()
        assert len(answer) < MOST * len(statuses)
    return statuses


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


# The size of a head


def padded(size: int) -> bytes:
    """A request whose target and header lines have this many bytes."""
    lines = ["Host: 127.0.0.1", "Connection: close", "X-C4n4ry: "]
    left = size - len("/healthz") - sum(len(line) + 2 for line in lines)
    return request("GET /healthz HTTP/1.1", *lines[:-1], lines[-1] + "x" * left)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_head_of_64_kib_is_read_and_one_byte_more_is_431(service: Service) -> None:
    assert check(await exchange(service.url, padded(HEAD_BYTES))) == [200]
    assert check(await exchange(service.url, padded(HEAD_BYTES + 1))) == [431]


too_large = {
    "a header of 20 MB": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "
    + KNOWN * 3_500_000
    + b"\r\n\r\n",
    "20 MB of a header that does not end": b"GET / HTTP/1.1\r\nX: " + KNOWN * 3_500_000,
    "a header's name of 1 MB": b"GET / HTTP/1.1\r\n" + KNOWN * 200_000 + b": x\r\n\r\n",
    "200,000 headers": b"GET / HTTP/1.1\r\n" + b"c4n4ry: c4n4ry\r\n" * 200_000 + b"\r\n",
    "a target of 1 MB": b"GET /?" + KNOWN * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a target that does not end": b"GET /?" + KNOWN * 200_000,
    "a cookie for each": b"GET / HTTP/1.1\r\n" + b"Cookie: a=c4n4ry\r\n" * 50_000 + b"\r\n",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", too_large)
async def test_a_larger_head_is_431_whatever_it_is_made_of(service: Service, name: str) -> None:
    """And the answer arrives, though the client had much more to send."""
    answer = await exchange(service.url, too_large[name])
    assert check(answer) == [431]
    head, body = answer.split(b"\r\n\r\n")
    assert b"content-type: application/problem+json\r\n" in head
    assert b'"code":"headers_too_large"' in body


@pytest.mark.asyncio(loop_scope="module")
async def test_a_head_that_comes_in_drops_is_431_as_soon_as_it_is_too_large(
    service: Service,
) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    reading = asyncio.create_task(reader.read())
    sent = 0
    while not reading.done():
        assert sent < 3 * HEAD_BYTES, "it is read on and on"
        writer.write(b"x" * 1024)
        sent += 1024
        with suppress(ConnectionError):
            await writer.drain()
        await asyncio.sleep(0)
    assert check(await reading) == [431]
    writer.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_each_head_of_a_connection_is_counted_by_itself(service: Service) -> None:
    body = b'{"topic": "tea"}'.ljust(60_000)
    lines = ("Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
    one = request("POST /sonnets HTTP/1.1", *lines, "X: " + "x" * 60_000, body=body)
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for _ in range(4):
        writer.write(one)
        answer = await reader.readuntil(b'"request_id":')
        assert check(answer) == [404]
        await reader.readuntil(b"}")
    writer.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_request_that_comes_too_early_is_not_heard(service: Service) -> None:
    early = request("GET /healthz HTTP/1.1", "Host: 127.0.0.1")
    answer = await exchange(service.url, early * 1000)
    assert check(answer) == [200]
    assert answer.endswith(b'{"status":"ok"}')


# The time of a head

LATE = {
    "nothing": (b"", []),
    "blank lines": (b"\r\n\r\n", []),
    "half a head": (b"GET /healthz HTTP/1.1\r\nX: c4n4ry", [400]),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", LATE)
async def test_a_head_that_does_not_come_in_time_ends_its_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("app.http.server.protocol.HEAD_SECONDS", 0.1)
    sent, statuses = LATE[name]
    assert check(await exchange(service.url, sent)) == statuses


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["blank lines", "half a head"])
async def test_nor_does_a_second_one_have_more_time(
    service: Service, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The first byte of it ends uvicorn's own wait for a next request."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request("GET /healthz HTTP/1.1", "Host: 127.0.0.1"))
    await reader.readuntil(b'{"status":"ok"}')
    monkeypatch.setattr("app.http.server.protocol.HEAD_SECONDS", 0.1)
    sent, statuses = LATE[name]
    writer.write(sent)
    assert check(await asyncio.wait_for(reader.read(), 10)) == statuses
    writer.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stream_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.server.protocol.HEAD_SECONDS", 0.1)
    async with (
        upstream(holding(HEAD)) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.2) as service,
        connected(service.url + "/ideas?topic=tea") as connection,
    ):
        heard = connection.response.aiter_raw()
        while (await asyncio.wait_for(anext(heard), 10)) != b"event: ping\ndata: null\n\n":
            pass


# Lengths that lie


LIES = {
    "no number": ["Content-Length: c4n4ry"],
    "negative": ["Content-Length: -1"],
    "a sign": ["Content-Length: +16"],
    "too large for any integer": ["Content-Length: " + "9" * 40],
    "two that differ": ["Content-Length: 16", "Content-Length: 17"],
    "a length and chunks": ["Content-Length: 16", "Transfer-Encoding: chunked"],
    "chunks that are none": ["Transfer-Encoding: chunked"],
    "an unknown coding": ["Transfer-Encoding: c4n4ry"],
    "a header over two lines": ["X: a", " c4n4ry"],
    "a space before the colon": ["X : c4n4ry"],
    "no colon": ["c4n4ry"],
    "NUL": ["X: c4n4ry\0"],
    "a bare CR": ["X: c4n4ry\rY: 1"],
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", LIES)
async def test_a_head_that_lies_is_400_and_nothing_begins(service: Service, name: str) -> None:
    lines = ["POST /ideas HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    answer = await exchange(service.url, request(*lines, *LIES[name], body=b'{"topic": "tea"}'))
    assert check(answer) == [400]
    assert len(service.streams) == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_shorter_than_it_says_begins_nothing(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = ("Host: 127.0.0.1", "Content-Type: application/json", "Content-Length: 99")
    writer.write(request("POST /ideas HTTP/1.1", *lines, body=b'{"topic": "tea"}'))
    await eventually(lambda: service.server.server_state.tasks)
    writer.close()
    await eventually(lambda: not service.server.server_state.tasks)
    assert len(service.streams) == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_body_longer_than_it_says_is_cut_there(service: Service) -> None:
    body = b'{"topic": "tea"}'
    lines = (
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body) - 1}",
    )
    answer = await exchange(service.url, request("POST /ideas HTTP/1.1", *lines, body=body))
    assert check(answer) == [400]
    assert len(service.streams) == 0


# Deep nesting


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"topic": ' * 100_000 + b"1" + b"}" * 100_000,
        b'{"topic": "tea", "x": ' + b'[{"c4n4ry": ' * 50_000 + b"1" + b"}]" * 50_000 + b"}",
    ],
)
async def test_100_000_deep_nesting_is_400_where_so_large_a_body_is_taken(content: bytes) -> None:
    async with running(max_body_bytes=1 << 24) as service, http_client(timeout=60) as client:
        headers = {"Content-Type": "application/json"}
        for path in ("/ideas", "/streams", "/ideas?view=ag-ui", "/ideas?view=ui-message"):
            answer = await client.post(service.url + path, content=content, headers=headers)
            assert answer.status_code == 400
            assert len(answer.content) < MOST
            assert KNOWN not in answer.content


# Anything at all


class Caller:
    """Sends bytes to a real service, whose provider must never hear of them."""

    def __init__(self, runner: asyncio.Runner, service: Service, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._service = service
        self._client = client

    def check(self, sent: bytes) -> None:
        check(self._runner.run(self._send(sent)))

    async def _send(self, sent: bytes) -> bytes:
        """What comes back, until the service closes, or has nothing more to say for now."""
        host, port = self._service.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        answering = asyncio.create_task(reader.read())
        # It is heard before this, and an answer to it that takes longer is no refusal.
        for _ in range(2):
            assert (await self._client.get("/healthz")).status_code == 200
        with suppress(OSError):
            writer.write_eof()
        try:
            return await asyncio.wait_for(answering, 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()
        provider = runner.run(stack.enter_async_context(upstream()))
        entering = stack.enter_async_context(running(openai_base_url=provider.base_url))
        service = runner.run(entering)
        client = http_client(base_url=service.url, timeout=30)
        runner.run(stack.enter_async_context(client))
        yield Caller(runner, service, client)
        assert provider.exchanges == []
        runner.run(stack.aclose())


METHODS = ["GET", "POST", "HEAD", "OPTIONS", "DELETE", "PUT", "TRACE", "CONNECT", "PRI", "QUERY"]
PATHS = ["/", "*", "/ideas", "/streams", "/streams/x", "/schemas", "/healthz", "/metrics", "/docs"]
HEADERS = [
    *("Content-Length", "Transfer-Encoding", "Content-Type", "Connection", "Upgrade", "Expect"),
    *("Host", "Accept", "Origin", "Range", "Last-Event-ID", "Idempotency-Key", "TE", "Trailer"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Cookie", "Authorization"),
]
latin = st.text(st.characters(max_codepoint=255), max_size=20)
methods = st.sampled_from(METHODS) | st.text("ABCxyz09-_ \t\0", max_size=8)
# No topic is ever given, so nothing may begin.
targets = st.tuples(
    st.sampled_from(PATHS) | latin, st.sampled_from(["", "?", "?c4n4ry=", "/", "#", "%"]), latin
).map("".join)
values = (
    st.sampled_from(
        ["0", "-1", "5", "9" * 30, "chunked", "close", "upgrade", "100-continue", "NaN"]
    )
    | st.sampled_from(["application/json", "websocket", "h2c", "*/*", "null", "bytes=0-1"])
    | latin
)
fields = st.tuples(
    st.sampled_from(HEADERS) | latin, st.sampled_from([": ", ":", " : ", ""]), values
)
bodies = st.sampled_from([b"", b"{}", b"0\r\n\r\n", b"5\r\n{}\r\n", b"c4n4ry", b"[NaN]", b"\0"])


versions = st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", "c4n4ry", ""])


def in_bytes(method: str, target: str, version: str, fields: list[str], body: bytes) -> bytes:
    return request(f"{method} {target} {version}", *fields, f"X: {CANARY}", body=body)


requests = st.builds(
    in_bytes, methods, targets, versions, st.lists(fields.map("".join), max_size=4), bodies
)
starts = st.sampled_from([b"", b"GET / ", b"POST /ideas HTTP/1.1\r\n"])
others = st.builds(lambda start, rest: start + KNOWN + rest + b"\r\n\r\n", starts, st.binary())


@some
@given(sent=requests)
def test_any_request_in_bytes(caller: Caller, sent: bytes) -> None:
    caller.check(sent)


@some
@given(sent=others)
def test_any_bytes(caller: Caller, sent: bytes) -> None:
    caller.check(sent)


@pytest.mark.chaos
@settings(some, max_examples=1000)
@given(sent=requests | others)
def test_many_requests_and_bytes(caller: Caller, sent: bytes) -> None:
    caller.check(sent)
