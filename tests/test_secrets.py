"""Secrets planted wherever the service meets one: in no byte that a client or a log gets.

Each has a mark of its own, so that a failure says where it came from.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.views.specs import VIEWS
from tests.support.http_client import http_client
from tests.support.process import ROOT, Process, process
from tests.support.raw import exchange as answer_to
from tests.support.upstream import HEAD, Exchange, Upstream, delta, end, event, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "sk-s3cret-key"
MARK = b"s3cret"
"""It is in all of them."""

ERROR = {
    "error": {
        "message": "Incorrect API key provided: sk-s3cret-error. See http://s3cret-host.internal",
        "type": "s3cret-type",
        "param": "s3cret-param",
        "code": "s3cret-code",
    }
}
HEADERS = (
    "X-Request-Id: s3cret-request",
    "Openai-Organization: s3cret-organization",
    "Set-Cookie: session=s3cret-cookie",
    "WWW-Authenticate: Bearer realm=s3cret-realm",
    "Server: s3cret-server",
    "Retry-After: s3cret-after",
    "X-Should-Retry: s3cret-retry",
)
VALUE = '{"items": [{"title": "Figs", "blurb": "Sweet."}]}'


def refused(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} s3cret-phrase", f"Content-Length: {len(body)}", *HEADERS, *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def streamed(*parts: bytes) -> bytes:
    return HEAD.replace(b"\r\n\r\n", "\r\n".join(["", *HEADERS, "", ""]).encode()) + b"".join(parts)


JSON = json.dumps(ERROR).encode()
SAID: dict[str, bytes] = {
    "a value": streamed(text(VALUE), end()),
    "an error in the stream": streamed(text(VALUE[:20]), event(ERROR)),
    "an error at once": streamed(event(ERROR)),
    "a chunk that can't be read": streamed(text(VALUE[:20]), b"data: {s3cret-garbage\n\n"),
    "a chunk of other types": streamed(event({"choices": "s3cret-choices", "usage": "s3cret"})),
    "an unknown finish reason": streamed(text(VALUE), delta("s3cret finish")),
    "a refusal": streamed(delta(refusal="I can't: s3cret-refusal")),
    "no JSON": streamed(text("s3cret-prose"), end()),
    "an unknown key": streamed(text('{"s3cret-key": "s3cret-value"}'), end()),
    "a wrong value": streamed(text('{"items": [{"title": 7, "s3cret-name": "s3cret"}]}'), end()),
    "a line without an end": streamed(b"data: s3cret-line" + b"s3cret" * 300_000),
    "comments": streamed(b": s3cret-comment\n\n", text(VALUE), end()),
    "an event of another name": streamed(b"event: s3cret-event\n", text(VALUE), end()),
    "cut off": streamed(text(VALUE[:20])),
    "chunks that lie": refused(200, b"", "Transfer-Encoding: chunked") + b"s3cret-size\r\n",
    "no HTTP": b"s3cret-banner\r\n\r\n",
    "a redirect": refused(307, b"s3cret-body", "Location: http://127.0.0.1:9/s3cret-location"),
    **{f"a {status}": refused(status, JSON) for status in (400, 401, 403, 404, 429, 500, 503)},
    "a 500 of HTML": refused(500, b"<html>s3cret-page</html>", "Content-Type: text/html"),
    "a 403 of binary": refused(403, b"\xff\xfes3cret-binary\0"),
}
CALLS = [
    "text/event-stream",
    "application/x-ndjson",
    "application/json",
    *(f"*/*&view={view}" for view in VIEWS if view != "snapshot"),
]


class Script:
    """What the provider says now. streams: how many there have been."""

    now = b""
    streams = 0

    async def __call__(self, exchange: Exchange) -> None:
        assert f"Bearer {KEY}".lower() in exchange.head.lower()
        await exchange.send(self.now)


Told = tuple[Process, Upstream, Script]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["json", "console"])
async def told(request: Any) -> AsyncIterator[Told]:
    """A service that logs all that it can, in either format."""
    script = Script()
    async with (
        upstream(script) as provider,
        process(
            # As some people write it, a secret is in the URL, too.
            OPENAI_BASE_URL=f"{provider.base_url}/s3cret-path",
            OPENAI_API_KEY=KEY,
            MODEL="m",
            LOG_LEVEL="debug",
            LOG_FORMAT=request.param,
            OPEN_TIMEOUT="0.3",  # no time to ask again
        ) as service,
    ):
        yield service, provider, script
        service.signal()
        assert await service.exit_code() == 0
        log = "\n".join(service.lines)
        assert log.count("stream ended") == script.streams > 0
        assert MARK.decode() not in log
        assert "uvicorn" not in log


def request(path: str, accept: str, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Accept: {accept}", "Connection: close"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


@pytest.mark.parametrize("name", SAID)
async def test_nothing_that_a_provider_says_reaches_a_client(told: Told, name: str) -> None:
    service, provider, script = told
    script.now = SAID[name]
    script.streams += len(CALLS)
    before = len(provider.exchanges)
    answers = await asyncio.gather(
        *(
            answer_to(service.url, request(f"/ideas?topic=figs&count=1{query}", accept))
            for accept, _, query in (call.replace("&", " &", 1).partition(" ") for call in CALLS)
        )
    )
    assert len(provider.exchanges) - before >= len(CALLS)
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 ")
        assert MARK not in answer.lower()
        assert b"127.0.0.1" not in answer
        assert b"Traceback" not in answer


async def test_nothing_that_the_service_tells_of_itself_holds_one(told: Told) -> None:
    service, _, _ = told
    async with http_client(timeout=60, base_url=service.url) as client:
        for path in (
            *("/metrics", "/openapi.json", "/docs", "/schemas", "/schemas/ideas"),
            *("/healthz", "/readyz", "/sonnets", "/ideas?model=none"),
        ):
            answer = await client.get(path)
            assert MARK not in answer.content
            assert MARK not in b"".join(map(b"".join, answer.headers.raw))


async def test_what_a_client_says_of_itself_is_not_logged_or_told(told: Told) -> None:
    """A key in the wrong place, a cookie, a body: as likely a secret as any."""
    service, _, _ = told
    for path in ("/ideas?s3cret-query=s3cret", "/s3cret-path", "/streams/s3cret-id"):
        own = (
            *("Authorization: Bearer s3cret-bearer", "X-API-Key: s3cret-key"),
            *("Cookie: s3cret-cookie", "User-Agent: s3cret-agent", "Referer: http://s3cret"),
            *("X-Request-ID: s3cret/request", "Last-Event-ID: s3cret-event"),
        )
        assert MARK not in await answer_to(service.url, request(path, "*/*", *own))


async def test_what_cannot_be_read_is_refused_and_no_line_in_the_log(told: Told) -> None:
    """The log is looked at when the service has ended."""
    service, _, _ = told
    for sent in (b"s3cret\r\n\r\n", request("/s3cret", "*/*", "s3cret")):
        assert (await answer_to(service.url, sent)).startswith(b"HTTP/1.1 400 ")
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Connection: upgrade, close")
    assert (await answer_to(service.url, request("/s3cret", "*/*", *upgrade))).startswith(b"HTTP/")


FAULT = """
import asyncio, sys
from tests.support.raw import exchange
from tests.support.service import running
from app.telemetry.logs import configure_logging

class Failing:
    '''A provider, and all that may break, with a secret in what it says.'''

    place = ""

    def ask(self, ask):
        if self.place == "ask":
            raise RuntimeError({"key": "s3cret-argument"}) from KeyError("s3cret-cause")
        if self.place == "group":
            raise ExceptionGroup("s3cret-group", [ValueError("s3cret-inner")])
        if self.place == "os":
            raise PermissionError(13, "s3cret-reason", "/s3cret/file")
        return self

    async def __aenter__(self):
        raise UnicodeDecodeError("utf-8", b"s3cret-bytes", 0, 1, "s3cret-reason")

    async def __aexit__(self, *_):
        pass

    async def aclose(self):
        pass

async def main():
    configure_logging(sys.argv[1], "debug")
    async with running(provider=Failing()) as service:
        for Failing.place in ("ask", "group", "os", "enter"):
            for accept in ("*/*", "application/x-ndjson", "application/json"):
                lines = ["GET /ideas?topic=tea HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
                sent = "\\r\\n".join([*lines, f"Accept: {accept}", "", ""]).encode()
                sys.stdout.buffer.write(await exchange(service.url, sent))

asyncio.run(main())
"""


@pytest.mark.parametrize("format", ["json", "console"])
async def test_nothing_that_an_exception_says_is_told_or_logged(format: str) -> None:
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FAULT, format),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, log = await asyncio.wait_for(ran.communicate(), 60)
    assert ran.returncode == 0, log.decode()
    assert said.count(b'"code":"internal"') == 12
    assert log.count(b"a generation broke") == 12
    assert MARK not in said
    assert MARK not in log
