"""The three formats, literally: a scripted provider gives the text, the test shows the bytes."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest

from app.views.format import NDJSON, SSE
from app.views.message import Message
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.schema_files import REGISTRY
from tests.support.service import running
from tests.support.upstream import HEAD, Exchange, end, saying, text, upstream

ANSWER = '{"items": [{"title": "Figs", "blurb": "Sweet. Caf\\u00e9\\n\\n"}]}'
PATH = "/ideas?topic=figs&count=1&interval_ms=0"


def nameless(answer: bytes) -> str:
    """A stream's text with its id as S and positions as N, but for that of `start`.

    The version of the schema is V: a test of its own says what it is.
    """
    found = re.sub(r"(?<![0-9A-Za-z])[0-9A-Za-z]{22}(?![0-9A-Za-z])", "S", answer.decode())
    found = re.sub(r'"schema_version":"[0-9a-f]{12}"', '"schema_version":"V"', found)
    return re.sub(r"S-[1-9]\d*", "S-N", found)


async def stream(accept: str, *answers: bytes, **settings: object) -> httpx.Response:
    """What a client gets when the provider gives these answers, one at each attempt."""
    async with (
        upstream(saying(*answers)) as provider,
        running(openai_base_url=provider.base_url, **settings) as service,
        http_client(timeout=60, headers={"Accept": accept, "X-Request-ID": "R"}) as client,
    ):
        return await client.get(service.url + PATH)


async def test_events_are_exactly_this() -> None:
    answer = await stream("text/event-stream", HEAD + text(ANSWER) + end(usage=(7, 9)))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert nameless(answer.content) == (
        "event: start\n"
        'data: {"stream":"S","schema":"ideas","schema_version":"V","model":"m",'
        '"view":"snapshot"}\n'
        "id: S-0\n"
        "retry: 2000\n"
        "\n"
        'data: [{"title":"Figs","blurb":"Sweet. Café\\n\\n"}]\n'
        "\n"
        "event: usage\n"
        'data: {"input_tokens":7,"output_tokens":9,"attempts":1}\n'
        "id: S-N\n"
        "\n"
        "event: done\n"
        'data: [{"title":"Figs","blurb":"Sweet. Café\\n\\n"}]\n'
        "id: S-N\n"
        "\n"
    )
    messages(answer.content)


async def test_an_attempt_that_fails_and_an_error_are_exactly_this() -> None:
    broken = HEAD + text('{"items": [{"title": 7,')
    answer = await stream("text/event-stream", broken, HEAD + text('{"items": [') + end("length"))
    assert nameless(answer.content) == (
        "event: start\n"
        'data: {"stream":"S","schema":"ideas","schema_version":"V","model":"m",'
        '"view":"snapshot"}\n'
        "id: S-0\n"
        "retry: 2000\n"
        "\n"
        "event: restart\n"
        'data: {"attempt":2,"code":"output_invalid",'
        '"errors":[{"path":"/0/title","message":"must be a string"}]}\n'
        "id: S-N\n"
        "\n"
        "data: []\n"
        "\n"
        "event: error\n"
        'data: {"error":"The model\'s answer was cut off at its length limit.",'
        '"code":"output_truncated","retryable":false,"request_id":"R"}\n'
        "id: S-N\n"
        "\n"
    )
    messages(answer.content)


async def test_lines_of_json_are_exactly_this() -> None:
    answer = await stream("application/x-ndjson", HEAD + text(ANSWER) + end(usage=(7, 9)))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert nameless(answer.content) == (
        '{"event":"start","data":{"stream":"S","schema":"ideas","schema_version":"V","model":"m",'
        '"view":"snapshot"},"id":"S-0"}\n'
        '{"event":"message","data":[{"title":"Figs","blurb":"Sweet. Café\\n\\n"}]}\n'
        '{"event":"usage","data":{"input_tokens":7,"output_tokens":9,"attempts":1},"id":"S-N"}\n'
        '{"event":"done","data":[{"title":"Figs","blurb":"Sweet. Café\\n\\n"}],"id":"S-N"}\n'
    )


async def test_json_is_the_final_value_alone() -> None:
    answer = await stream("application/json", HEAD + text(ANSWER) + end())
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == '[{"title":"Figs","blurb":"Sweet. Café\\n\\n"}]'.encode()


async def test_json_has_its_errors_as_a_status_however_late_they_come() -> None:
    answer = await stream("application/json", HEAD + text(ANSWER[:40]) + end("length"))
    assert (answer.status_code, answer.json()["code"]) == (502, "output_truncated")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_json_says_where_an_output_is_invalid() -> None:
    wrong = HEAD + text('{"items": [{"title": "a", "blurb": 7}]}') + end()
    answer = await stream("application/json", wrong, max_attempts=1)
    assert answer.status_code == 502
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "detail": "The model's answer does not satisfy the schema.",
        "code": "output_invalid",
        "error": "The model's answer does not satisfy the schema.",
        "retryable": True,
        "request_id": "R",
        "errors": [{"path": "/0/blurb", "message": "must be a string"}],
    }


async def test_json_needs_no_second_attempt_to_be_seen() -> None:
    broken = HEAD + text('{"items": [{"title": 7,')
    answer = await stream("application/json", broken, HEAD + text(ANSWER) + end())
    assert (answer.status_code, answer.json()[0]["title"]) == (200, "Figs")


async def test_each_piece_is_a_partial_and_start_goes_out_before_the_first() -> None:
    pieces: asyncio.Queue[str] = asyncio.Queue()

    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        while piece := await pieces.get():
            await exchange.text(piece)
        await exchange.finish()

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60) as client,
        client.stream("GET", service.url + PATH) as response,
    ):
        read = response.aiter_raw()
        assert (await anext(read)).startswith(b"event: start\n")
        pieces.put_nowait('{"items": [')
        pieces.put_nowait('{"title": "Fi')
        assert await anext(read) == b'data: [{"title":"Fi","blurb":null}]\n\n'
        pieces.put_nowait('gs", "blurb":')
        assert await anext(read) == b'data: [{"title":"Figs","blurb":null}]\n\n'
        pieces.put_nowait(' "Sweet."}]}')
        assert await anext(read) == b'data: [{"title":"Figs","blurb":"Sweet."}]\n\n'
        pieces.put_nowait("")
        assert nameless(await anext(read)) == (
            'event: done\ndata: [{"title":"Figs","blurb":"Sweet."}]\nid: S-N\n\n'
        )
        assert await anext(read, None) is None


@pytest.mark.parametrize(
    ("accept", "view", "ping"),
    [
        ("text/event-stream", "snapshot", b"event: ping\ndata: null\n\n"),
        ("text/event-stream", "delta", b"event: ping\ndata: null\n\n"),
        ("application/x-ndjson", "snapshot", b'{"event":"ping","data":null}\n'),
        ("application/x-ndjson", "items", b'{"event":"ping","data":null}\n'),
        ("*/*", "ui-message", b": ping\n\n"),
        ("application/x-ndjson", "ag-ui", b": ping\n\n"),
    ],
)
async def test_where_nothing_is_to_be_said_a_heartbeat_is_sent(
    accept: str, view: str, ping: bytes
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(HEAD)
        await exchange.closed.wait()

    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, heartbeat_seconds=0.05) as service,
        http_client(timeout=60, headers={"Accept": accept}) as client,
        client.stream("GET", f"{service.url}{PATH}&view={view}") as response,
    ):
        read = response.aiter_raw()
        await anext(read)
        assert [await anext(read) for _ in range(2)] == [ping, ping]


async def test_a_start_tells_the_version_that_the_schema_has() -> None:
    async with running() as service, http_client(timeout=60, base_url=service.url) as client:
        for name in ("ideas", "briefs"):
            version = (await client.get(f"/schemas/{name}")).json()["version"]
            assert version == REGISTRY.get(name).version
            for view in ("snapshot", "delta"):
                begun = await client.get(f"/{name}?topic=tea&view={view}&resumable=true")
                again = await client.get(f"{begun.headers['location']}?view={view}")
                for answer in (begun, again):
                    start = messages(answer.content)[0]
                    assert (start.event, start.data["schema_version"]) == ("start", version)
            told = f'"schema":"{name}","schema_version":"{version}","model":'
            for view in ("ui-message", "ag-ui"):
                first = (await client.get(f"/{name}?topic=tea&view={view}")).text.split("\n\n")[0]
                assert told in first


async def test_a_whole_demo_stream_keeps_to_the_form_in_both_formats() -> None:
    async with running() as service, http_client(timeout=60, base_url=service.url) as client:
        for name in ("ideas", "movies", "recipes", "briefs"):
            path = f"/{name}?topic=tea&interval_ms=0"
            found = messages((await client.get(path)).content)
            lines = await client.get(path, headers={"Accept": "application/x-ndjson"})
            alone = await client.get(path, headers={"Accept": "application/json"})
            assert found[-1].event == "done"
            assert found[-1].data == alone.json() == json.loads(lines.text.splitlines()[-1])["data"]
            partials = [message.data for message in found if message.event is None]
            assert partials[-1] == found[-1].data


@pytest.mark.parametrize(
    ("message", "event", "line"),
    [
        (Message(None, b"[]"), b"data: []\n\n", b'{"event":"message","data":[]}\n'),
        (
            Message("usage", b"{}", "S-1"),
            b"event: usage\ndata: {}\nid: S-1\n\n",
            b'{"event":"usage","data":{},"id":"S-1"}\n',
        ),
        (
            Message("start", b"{}", "S-0", 2000),
            b"event: start\ndata: {}\nid: S-0\nretry: 2000\n\n",
            b'{"event":"start","data":{},"id":"S-0"}\n',
        ),
        (
            Message("error", b"{}"),
            b"event: error\ndata: {}\n\n",
            b'{"event":"error","data":{}}\n',
        ),
    ],
)
def test_a_message_in_both_formats(message: Message, event: bytes, line: bytes) -> None:
    assert SSE.encode(message) == event
    assert NDJSON.encode(message) == line
