"""The shipped `deploy/nginx`, run by nginx in front of a real service."""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from app.errors import HeadersTooLarge, MethodNotAllowed, NotFound, PayloadTooLarge
from app.http.problem import problem
from app.main import CORS_METHODS, CORS_REQUEST_HEADERS, CORS_RESPONSE_HEADERS
from tests.support.chromium import chromium
from tests.support.curl import curl
from tests.support.front import Front, nginx
from tests.support.http_client import http_client
from tests.support.service import Service, eventually, running
from tests.support.upstream import HEAD, Exchange, Upstream, end, text, upstream

IDEAS = "/ideas?topic=figs&count=3&interval_ms=0&view=items"
TITLES = ("Figs", "Nuts", "Rice")
HTTP = pytest.mark.parametrize("http", ["--http1.1", "--http2"])


def item(title: str) -> dict[str, str]:
    return {"title": title, "blurb": "Sweet."}


class Chain(NamedTuple):
    """A provider, the service, and nginx in front of it."""

    provider: Upstream
    service: Service
    front: Front

    async def open(self) -> Exchange:
        """The next request to the provider, with its answer's headers sent."""
        exchange = await self.provider.next()
        await exchange.send(HEAD)
        return exchange


@asynccontextmanager
async def chain(folder: Path, *changes: tuple[str, str], **settings: Any) -> AsyncIterator[Chain]:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, **settings) as service,
        nginx(service.url, folder, *changes) as front,
    ):
        yield Chain(provider, service, front)


@HTTP
async def test_each_event_comes_on_its_own_as_it_is_sent(tmp_path: Path, http: str) -> None:
    async with chain(tmp_path) as it:
        opening = asyncio.create_task(it.open())
        async with curl(it.front, IDEAS, http) as reader:
            assert reader.status == ("HTTP/2 200" if http == "--http2" else "HTTP/1.1 200 OK")
            assert (await reader.next()).startswith("event: start")
            exchange = await opening
            before = '{"items": ['
            for title in TITLES:  # the next is not sent before this one has come
                await exchange.text(before + json.dumps(item(title)))
                message = await reader.next()
                assert message.startswith("event: item\n")
                assert title in message
                before = ", "
            await exchange.text("]}")
            await exchange.finish()
            assert (await reader.next()).startswith("event: done")
            assert await reader.rest() == ""
            assert await reader.exit_code() == 0


async def test_a_response_keeps_its_headers(tmp_path: Path) -> None:
    async with running(model="demo", models="") as service, nginx(service.url, tmp_path) as front:
        async with curl(front, "/ideas?topic=figs", "-H", "X-Request-ID: mine") as answer:
            ours = answer.headers
        async with http_client(timeout=60) as client:
            direct = await client.get(service.url + "/ideas?topic=figs")
        assert ours["x-request-id"] == "mine"
        assert ours["content-type"] == direct.headers["content-type"]
        for name in ("cache-control", "x-accel-buffering", "vary"):
            assert ours[name] == direct.headers[name]
        assert ours["location"].startswith("/streams/")


async def test_a_request_has_one_id_for_nginx_the_service_and_the_client(tmp_path: Path) -> None:
    async with chain(tmp_path) as it:
        for sent in ("mine-1", "not <well> formed", ""):
            async with curl(it.front, "/ideas", "-H", f"X-Request-ID: {sent}") as answer:
                id = answer.headers["x-request-id"]
                assert json.loads(await answer.rest())["request_id"] == id
            assert (id == sent) == (sent == "mine-1")
            await eventually(lambda id=id: f" {id}\n" in it.front.said)


async def test_neither_topics_nor_tickets_are_logged_whatever_goes_wrong(tmp_path: Path) -> None:
    async with chain(tmp_path) as it:
        paths = ("/ideas?view=none&", "/streams/none?", "/metrics?", "/ideas?x=" + "x" * 20_000)
        for path in paths:
            async with curl(it.front, f"{path}&topic=c4n4ry&ticket=c4n4ry", "--http1.1") as answer:
                assert " 4" in answer.status
        it.service.server.servers[0].close()
        async with curl(it.front, "/ideas?topic=c4n4ry") as answer:
            assert answer.status == "HTTP/2 503"
        await eventually(lambda: it.front.said.count("\n") > len(paths))
        assert "c4n4ry" not in it.front.said
        assert "GET /ideas 503" in it.front.said


# -- time -------------------------------------------------------------------------------------


async def test_the_first_byte_is_not_held_up(tmp_path: Path) -> None:
    """It comes though no other follows: the provider and the heartbeat are silent until then."""
    async with chain(tmp_path, heartbeat_seconds=3600, open_timeout=0.1) as it:
        async with (
            httpx.AsyncClient(timeout=60, verify=it.front.tls) as client,
            client.stream("GET", it.front.url + IDEAS) as answer,
        ):
            assert (await anext(answer.aiter_raw())).startswith(b"event: start")
            exchange = await it.provider.next()
        await exchange.is_closed()


async def test_heartbeats_carry_a_silent_stream_beyond_the_proxys_timeout(tmp_path: Path) -> None:
    timeout = ("proxy_read_timeout 200s;", "proxy_read_timeout 2s;")
    async with chain(tmp_path, timeout, heartbeat_seconds=0.4) as it:
        opening = [asyncio.create_task(it.open()) for _ in range(2)]
        async with (
            curl(it.front, IDEAS) as reader,
            asyncio.TaskGroup() as tasks,
        ):
            # Silent until it is whole: it shows that the timeout holds.
            answer = tasks.create_task(whole(it.front, IDEAS, "Accept: application/json"))
            assert (await reader.next()).startswith("event: start")
            while not answer.done():
                assert await reader.next() == "event: ping\ndata: null"
            for _ in range(2):
                assert await reader.next() == "event: ping\ndata: null"
            assert answer.result().startswith("HTTP/2 503")
            for exchange in await asyncio.gather(*opening):
                if not exchange.closed.is_set():
                    await exchange.send(text(json.dumps({"items": [item("Figs")]})), end())
            await reader.until("event: done")


async def whole(front: Front, path: str, header: str) -> str:
    """The status and the body of a response that does not stream."""
    async with curl(front, path, "-H", header) as answer:
        return f"{answer.status} {await answer.rest()}"


# -- readers ----------------------------------------------------------------------------------


@HTTP
async def test_a_reader_that_leaves_is_noticed(tmp_path: Path, http: str) -> None:
    async with chain(tmp_path) as it:
        opening = asyncio.create_task(it.open())
        async with curl(it.front, IDEAS, http) as reader:
            exchange = await opening
            await exchange.text('{"items": [' + json.dumps(item("Figs")))
            await reader.until("event: item")
            reader.leave()
            await exchange.is_closed()
        await eventually(lambda: not it.service.connections and not len(it.service.streams))


async def test_a_reader_that_leaves_before_the_provider_answers_is_noticed(tmp_path: Path) -> None:
    async with chain(tmp_path) as it, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(whole(it.front, IDEAS, "Accept: application/json"))
        exchange = await it.provider.next()
        reading.cancel()
        await exchange.is_closed()


async def test_a_reader_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    """nginx holds a buffer for it, and no more: so the service notices."""
    async with chain(tmp_path, send_timeout=0.5, max_output_bytes=1 << 30) as it:
        opening = asyncio.create_task(it.open())
        async with curl(it.front, "/recipes?topic=figs&interval_ms=0") as reader:
            exchange = await opening
            await exchange.text('{"items": [{"name": "Figs')
            await reader.until("data: [{")
            sent = 0
            while not exchange.closed.is_set():
                try:
                    await exchange.text("x" * 4096)
                except OSError:
                    break
                sent += 1
                await asyncio.sleep(0.001)
            assert sent < 20_000


# -- limits -----------------------------------------------------------------------------------

HEADERS = b"POST /ideas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SIZED = HEADERS + b"Content-Length: 60000\r\n\r\n{"
CHUNKED = HEADERS + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"


@pytest.mark.parametrize("seconds", [2, pytest.param(10, marks=pytest.mark.chaos)])
async def test_slow_heads_and_bodies_are_closed_in_time_and_the_service_answers_meanwhile(
    seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 s is what is shipped; 2 s tells the same sooner."""
    monkeypatch.setattr("app.http.endpoints.body.SECONDS", seconds)
    changes = [
        (f"client_{part}_timeout 10s", f"client_{part}_timeout {seconds}s")
        for part in ("header", "body")
    ]
    async with chain(tmp_path, *changes) as it:

        async def closed(head: bytes, drip: bytes) -> bytes:
            """What a client gets that sends so, and a byte every half a second."""
            ssl = it.front.tls if head else None
            reader, writer = await asyncio.open_connection("localhost", it.front.port, ssl=ssl)
            writer.write(head)
            dripping = asyncio.create_task(_drip(writer, drip))
            try:
                return await asyncio.wait_for(_read(reader), 15)
            finally:
                dripping.cancel()
                writer.close()

        async with asyncio.TaskGroup() as tasks:
            slow_ones = {
                "no TLS": tasks.create_task(closed(b"", b"")),
                "a head, and silence": tasks.create_task(closed(HEADERS, b"")),
                "a head, dripped": tasks.create_task(closed(HEADERS, b"X: ")),
                "a body, and silence": tasks.create_task(closed(SIZED, b"")),
                "a body, dripped": tasks.create_task(closed(SIZED, b" ")),
                "a body in chunks, dripped": tasks.create_task(closed(CHUNKED, b"1\r\n \r\n")),
            }
            async with httpx.AsyncClient(timeout=60, verify=it.front.tls) as client:
                while not all(task.done() for task in slow_ones.values()):
                    assert (await client.get(it.front.url + "/healthz")).status_code == 200
                    await asyncio.sleep(0.2)
        got = {name: task.result() for name, task in slow_ones.items()}
        assert b"HTTP/1.1 400" in got["a body, dripped"]
        assert not it.provider.exchanges
        await eventually(lambda: not it.service.connections)


async def _drip(writer: asyncio.StreamWriter, drip: bytes) -> None:
    with contextlib.suppress(OSError):
        while drip:
            await asyncio.sleep(0.5)
            writer.write(drip)
            await writer.drain()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What comes until the end; a reset is one."""
    got = b""
    with contextlib.suppress(OSError):
        while more := await reader.read(65536):
            got += more
    return got


async def test_an_address_has_so_many_requests_at_once(tmp_path: Path) -> None:
    async with chain(tmp_path, ("limit_conn addresses 64", "limit_conn addresses 3")) as it:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                opening = asyncio.create_task(it.open())
                await stack.enter_async_context(curl(it.front, IDEAS))
                await opening
            async with curl(it.front, IDEAS) as refused:
                assert refused.status == "HTTP/2 429"
                assert refused.headers["retry-after"] == "1"
                assert json.loads(await refused.rest())["code"] == "rate_limited"
        assert len(it.provider.exchanges) == 3
        await eventually(lambda: not len(it.service.streams))
        async with curl(it.front, "/healthz") as answer:
            assert answer.status == "HTTP/2 200"


LONG = "x" * 20_000
REFUSED = (
    (404, NotFound, ("/metrics",)),
    (405, MethodNotAllowed, ("/healthz", "-X", "TRACE")),
    (413, PayloadTooLarge, ("/ideas", "-H", "Content-Length: 70000", "-d", "x")),
    (431, HeadersTooLarge, ("/healthz", "--http1.1", "-H", f"X: {LONG}")),
    (431, HeadersTooLarge, (f"/healthz?{LONG}", "--http1.1")),
)
UNREADABLE = {
    "no HTTP": b"GET / FTP\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a broken path": b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a later version": b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "an unknown coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n",
}


async def test_its_own_errors_are_written_as_the_service_would(tmp_path: Path) -> None:
    async with chain(tmp_path) as it:
        for status, kind, options in REFUSED:
            async with curl(it.front, *options) as answer:
                written = json.loads(await answer.rest())
            assert f" {status}" in answer.status
            ours = problem(kind(), answer.headers["x-request-id"])
            assert written == json.loads(bytes(ours.body))
            assert answer.headers["content-type"] == ours.media_type
            assert (answer.headers.get("allow") is not None) == (status == 405)


async def test_what_is_not_http_is_refused_in_the_same_form(tmp_path: Path) -> None:
    async with nginx("http://127.0.0.1:1", tmp_path) as front:
        for sent in UNREADABLE.values():
            reader, writer = await asyncio.open_connection("localhost", front.port, ssl=front.tls)
            writer.write(sent)
            head, _, body = (await _read(reader)).decode().partition("\r\n\r\n")
            writer.close()
            assert head.startswith("HTTP/1.1 400 ")
            assert "X-Content-Type-Options: nosniff" in head
            assert json.loads(body)["code"] == "invalid_request"
        plain = await _read_plain(front.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert plain.startswith("HTTP/1.1 400 ")
        assert '"code":"invalid_request"' in plain


async def _read_plain(port: int, sent: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return (await _read(reader)).decode()
    finally:
        writer.close()


async def test_pages_of_other_origins_may_read_its_refusals_and_nothing_more(
    tmp_path: Path,
) -> None:
    page = ("-H", "Origin: https://app.example.com")
    preflight = (*page, "-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST")
    async with nginx("http://127.0.0.1:1", tmp_path) as front:
        async with curl(front, "/ideas", *preflight) as answer:
            assert answer.status == "HTTP/2 204"
            allowed = answer.headers
        assert allowed["access-control-allow-origin"] == "*"
        assert allowed["access-control-allow-methods"] == ", ".join(CORS_METHODS)
        assert allowed["access-control-allow-headers"] == ", ".join(CORS_REQUEST_HEADERS)
        async with curl(front, "/ideas", *page, "-d", "{}") as answer:
            assert answer.status == "HTTP/2 503"
            assert answer.headers["access-control-allow-origin"] == "*"
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            assert exposed == CORS_RESPONSE_HEADERS
            assert not [
                name
                for name in answer.headers
                if name.startswith("access-control-allow-")
                and name != "access-control-allow-origin"
            ]


async def test_the_service_says_who_may_read_its_own_answers(tmp_path: Path) -> None:
    async with chain(tmp_path, cors_origins=("https://app.example.com",)) as it:
        for origin, readable in (("app.example.com", True), ("other.example.com", False)):
            page = ("-H", f"Origin: https://{origin}")
            async with curl(it.front, "/schemas", *page) as answer:
                allowed = answer.headers.get("access-control-allow-origin")
                assert allowed == (f"https://{origin}" if readable else None)


async def test_each_answer_forbids_guessing_and_plain_http(tmp_path: Path) -> None:
    async with chain(tmp_path) as it:
        for path in ("/", "/healthz", "/nothing", "/metrics", "/ideas", "/openapi.json"):
            async with curl(it.front, path) as answer:
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_without_the_service_it_is_overloaded(tmp_path: Path) -> None:
    async with nginx("http://127.0.0.1:1", tmp_path) as front, curl(front, IDEAS) as answer:
        assert answer.status == "HTTP/2 503"
        assert answer.headers["retry-after"] == "1"
        problem = json.loads(await answer.rest())
        assert (problem["status"], problem["code"]) == (503, "overloaded")


async def test_http_is_sent_to_https_of_the_configured_name_alone(tmp_path: Path) -> None:
    async with nginx("http://127.0.0.1:1", tmp_path) as front:
        for target in ("/ideas?view=text", "http://evil.example/ideas?view=text"):
            for host in ("api.example.com", "evil.example", "localhost:1"):
                sent = f"POST {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                answer = await _read_plain(front.plain_port, sent.encode())
                assert answer.startswith("HTTP/1.1 308 ")
                assert "\r\nLocation: https://api.example.com/ideas?view=text\r\n" in answer
                assert "\r\nX-Content-Type-Options: nosniff\r\n" in answer


OLD = (
    ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1_2", "-cipher", "kRSA"),
    ("-tls1_2", "-cipher", "DHE"),
    ("-tls1_2", "-cipher", "ECDHE+SHA1:ECDHE+SHA256:ECDHE+SHA384:@SECLEVEL=0"),
)
NEW = (("-tls1_2",), ("-tls1_2", "-cipher", "CHACHA20"), ("-tls1_3",))


async def test_old_ciphers_and_versions_are_refused(tmp_path: Path) -> None:
    async with nginx("http://127.0.0.1:1", tmp_path) as front:
        for options in (*NEW, *OLD):
            talking = await asyncio.create_subprocess_exec(
                *("openssl", "s_client", "-connect", f"localhost:{front.port}", *options),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
            )
            said, _ = await talking.communicate()
            assert (talking.returncode == 0) == (options in NEW), said.decode()


# -- a browser --------------------------------------------------------------------------------


async def test_a_page_has_more_than_six_streams_at_once_and_may_leave_any(tmp_path: Path) -> None:
    """In HTTP/1.1 the seventh would wait for the first to end."""
    async with chain(tmp_path, cors_origins=("null",)) as it:
        page = tmp_path / "page.html"
        page.write_text(PAGE.replace("URL", it.front.url + IDEAS))
        opening = asyncio.create_task(_open(it, 10))
        async with chromium(page.as_uri(), "--ignore-certificate-errors"):
            exchanges = await asyncio.wait_for(opening, 60)
            left = next(e for e in exchanges if "leave" in json.dumps(e.body))
            await left.text('{"items": [' + json.dumps(item("Figs")))  # the page's sign to go
            await left.is_closed()
            assert [e for e in exchanges if e.closed.is_set()] == [left]
            assert "HTTP/2.0" in it.front.said


async def _open(it: Chain, number: int) -> list[Exchange]:
    return [await it.open() for _ in range(number)]


PAGE = """<!doctype html>
<script>
  for (let n = 0; n < 9; n++) new EventSource("URL");
  const leaving = new EventSource("URL".replace("topic=figs", "topic=leave"));
  leaving.addEventListener("item", () => leaving.close());
</script>
"""
