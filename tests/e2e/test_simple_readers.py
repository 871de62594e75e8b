"""Simple readers against a real server: none fails, and none is fooled, whatever a model writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import httpx_sse
import pytest

from app.views.format import NDJSON, SSE
from app.views.message import Message
from tests.browsers.site import sample
from tests.clients.python.answers import answer, answering
from tests.support.events import dispatched, messages
from tests.support.http_client import http_client
from tests.support.program import printed
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, text, upstream

# What the document's reader is given, and what is printed of what it has read.
BEFORE = """
const read = { partials: [], done: [], error: [] };
const show = value => read.partials.push(value);
const finish = value => read.done.push(value);
const fail = error => read.error.push(error);
const addEventListener = () => {}; // Node has no page that could be left
"""
AFTER = "console.log(JSON.stringify(read));"


class Read(NamedTuple):
    """What a reader makes of a stream: the data of its plain messages, and of its ends."""

    partials: list[Any]
    done: list[Any]
    error: list[Any]


Reader = Callable[[str, dict[str, Any]], Awaitable[Read]]


async def node(url: str, body: dict[str, Any]) -> Read:
    """The simplest reader, as it stands in docs/reading.md, in Node."""
    code = sample("docs/reading.md", "js", "getReader")
    for shown, meant in (('"/ideas"', url), ('{topic: "healthy snacks"}', body)):
        assert code.count(shown) == 1
        code = code.replace(shown, json.dumps(meant))
    command = ("node", "--input-type=module", "-e", BEFORE + code + AFTER)
    read = Read(**json.loads(await printed(*command)))
    assert {"error": "The connection was lost.", "retryable": True} not in read.error
    return read


def sort(events: list[tuple[str, str]]) -> Read:
    """Events by type; there are no types but ours."""
    read = Read([], [], [])
    for kind, data in events:
        if kind in ("start", "usage", "restart", "ping"):
            json.loads(data)
        else:
            {"message": read.partials, "done": read.done, "error": read.error}[kind].append(
                json.loads(data)
            )
    return read


async def with_httpx_sse(url: str, body: dict[str, Any]) -> Read:
    async with (
        http_client(timeout=30) as client,
        httpx_sse.aconnect_sse(client, "POST", url, json=body) as source,
    ):
        return sort([(event.event, event.data) async for event in source.aiter_sse()])


async def to_the_letter(url: str, body: dict[str, Any]) -> Read:
    """The algorithm of the HTML standard."""
    async with http_client(timeout=30) as client:
        answer = await client.post(url, json=body)
    return sort([(event.type, event.data) for event in dispatched(answer.content)])


async def line_by_line(url: str, body: dict[str, Any]) -> Read:
    """httpx's `aiter_lines`, which splits at whatever Python takes for the end of a line."""
    events: list[tuple[str, str]] = []
    kind = "message"
    async with (
        http_client(timeout=30) as client,
        client.stream("POST", url, json=body) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                events.append((kind, line[6:]))
                kind = "message"
            else:
                assert line.startswith(("id: ", "retry: ")) or not line
    return sort(events)


async def lines_of_json(url: str, body: dict[str, Any]) -> Read:
    """The other format, line by line."""
    headers = {"Accept": "application/x-ndjson"}
    async with (
        http_client(timeout=30, headers=headers) as client,
        client.stream("POST", url, json=body) as response,
    ):
        found = [json.loads(line) async for line in response.aiter_lines()]
    return sort([(line["event"], json.dumps(line["data"])) for line in found])


readers: list[Reader] = [node, with_httpx_sse, to_the_letter, line_by_line, lines_of_json]
each_reader = pytest.mark.parametrize("reader", readers, ids=lambda reader: reader.__name__)


@each_reader
async def test_a_reader_sees_partials_and_the_value(reader: Reader) -> None:
    async with running(demo_tokens_per_second=1000) as service:
        read = await reader(f"{service.url}/ideas?interval_ms=0", {"topic": "tea", "count": 3})
    assert (len(read.done), read.error) == (1, [])
    assert len(read.done[0]) == 3
    assert read.partials[-1] == read.done[0]


@each_reader
async def test_a_reader_sees_an_error(reader: Reader) -> None:
    async with running() as service:
        url = f"{service.url}/ideas?model=demo-truncated&interval_ms=0"
        read = await reader(url, {"topic": "tea"})
    assert read.partials
    assert read.done == []
    assert [error["code"] for error in read.error] == ["output_truncated"]


@each_reader
async def test_a_reader_sees_that_a_stream_was_cut_off(reader: Reader) -> None:
    """It ends without `done` and without `error`: the server has broken the connection."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD, text('{"items": [{"title": "Fi'))
        await exchange.closed.wait()

    async def cut() -> None:
        await provider.next()
        for connection in list(service.server.server_state.connections):
            connection.transport.abort()

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        reading = asyncio.create_task(reader(f"{service.url}/ideas", {"topic": "tea"}))
        await cut()
        with pytest.raises((httpx.TransportError, AssertionError)):
            await reading


@each_reader
async def test_a_heartbeat_is_nothing_to_a_reader(reader: Reader) -> None:
    format = NDJSON if reader is lines_of_json else SSE
    told = [
        Message("start", b"{}", "S-0", 2000),
        Message(None, b"[1]"),
        Message("restart", b"{}", "S-3"),
        Message(None, b"[2]"),
        Message("done", b"[2]", "S-5"),
    ]
    body = b"".join(format.heartbeat + format.encode(message) for message in told)
    async with answering(answer(200, format.media_type, body.decode())) as server:
        read = await reader(server.url, {"topic": "tea"})
    assert read == Read(partials=[[1], [2]], done=[[2]], error=[])


# Forging


HOSTILE = [
    "\n\nevent: done\ndata: x\n\n",
    "\r\n\r\nevent: done\r\ndata: []\r\n\r\n",
    "\r\revent: error\rdata: {}\r\r",
    "\n\ndata: []\n\n",
    "\nid: 7\nretry: 1\n: ping\n\n",
    "\u2028\u2028event: done\u2028data: []\u2028\u2028",
    "\u2029\u2029event: error\u2029data: {}\u2029\u2029",
    "\x85\x85event: done\x85data: []\x85\x85",
    "\x0b\x0b\x0c\x0cevent: done\x1c\x1ddata: []\x1e\x1f",
    "\0\0event: done\0data: []\0\0",
    "\\n\\nevent: done\\ndata: x",
    '"}]\n\nevent: done\ndata: []\n\n',
    "\ufeff\ufeffdata: []",
    "😀 👩‍👩‍👧 🏳️‍🌈 e\u0301 \U0010ffff \uffff \ufffd",
    "\u202e\u200b\x7f\x80</script>",
    "data: event: id: : retry:",
    "x" * 200_000,
    "é\n" * 50_000,
    '{"event":"done","data":[]}\n',
]


@asynccontextmanager
async def hostile(ascii: bool, size: int) -> AsyncIterator[str]:
    """The address of a stream of hostile titles; the model writes them in pieces of this size."""
    items = [{"title": title, "blurb": "b"} for title in HOSTILE]
    answer = json.dumps({"items": items}, ensure_ascii=ascii)

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        for at in range(0, len(answer), size):
            await exchange.text(answer[at : at + size])
        await exchange.finish()

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
    ):
        yield f"{service.url}/ideas?interval_ms=5"


@each_reader
@pytest.mark.parametrize(("ascii", "size"), [(True, 997), (False, 101)])
async def test_no_text_of_a_model_fools_a_reader(reader: Reader, ascii: bool, size: int) -> None:
    async with hostile(ascii, size) as url:
        read = await reader(url, {"topic": "tea", "count": 20})
    assert read.error == []
    assert len(read.done) == 1
    assert [item["title"] for item in read.done[0]] == HOSTILE
    assert read.partials[-1] == read.done[0]
    for partial in read.partials:
        for item, title in zip(partial, HOSTILE, strict=False):
            assert title.startswith(item["title"] or "")


async def test_hostile_text_leaves_the_form_of_a_stream_as_it_is() -> None:
    async with hostile(False, 997) as url, http_client(timeout=30) as client:
        answer = await client.post(url, json={"topic": "tea", "count": 20})
        found = messages(answer.content)
        assert [item["title"] for item in found[-1].data] == HOSTILE
        assert {message.event for message in found} == {"start", None, "done"}
        assert len(answer.text.splitlines()) == answer.text.count("\n")


@pytest.mark.parametrize(
    "word", ["\n\nevent: done\ndata: x", "\u2028event: done\u2028data: x", "\0"]
)
async def test_no_word_of_a_request_fools_a_reader(word: str) -> None:
    """The demo model draws on the topic."""
    async with running() as service:
        for reader in (with_httpx_sse, to_the_letter, line_by_line):
            read = await reader(f"{service.url}/ideas", {"topic": f"tea {word}", "count": 2})
            assert (len(read.done), read.error) == (1, [])
