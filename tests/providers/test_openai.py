"""The provider through Instructor and the SDK: what is asked, and what comes of the answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import openai
import pytest
from pydantic import SecretStr

from app.errors import (
    ProviderError,
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from app.providers.base import Completion, CompletionRequest, Finish, Provider, Tokens
from app.providers.factory import PROVIDERS
from app.providers.model_settings import ModelSettings
from app.providers.openai.client import client_of
from app.schemas.asked_model import AskedModel
from tests.support.deaf import deaf
from tests.support.held import held
from tests.support.sockets import free_port
from tests.support.upstream import (
    HEAD,
    Exchange,
    Upstream,
    delta,
    end,
    event,
    saying,
    status,
    text,
    upstream,
)

MODES = ["tools", "json_schema", "json", "md_json"]


IDEA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
IDEAS = AskedModel(
    "Ideas",
    "Ideas on a topic.",
    {
        "type": "object",
        "title": "Ideas",
        "description": "Ideas on a topic.",
        "properties": {"items": {"type": "array", "items": IDEA}},
        "required": ["items"],
    },
)

ANSWER = '{"items": [{"title": "Figs"}]}'
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Figs?"}]


class Got(NamedTuple):
    texts: list[str]
    finish: Finish | None = None
    usage: Tokens | None = None


@contextlib.asynccontextmanager
async def provider_at(base_url: str, **settings: Any) -> AsyncIterator[Provider]:
    provider = PROVIDERS["openai"](
        ModelSettings(**{"name": "m", "model": "m", "mode": "tools", **settings}, base_url=base_url)
    )
    try:
        yield provider
    finally:
        await provider.aclose()


def request(max_tokens: int | None = None) -> CompletionRequest:
    return CompletionRequest("m", MESSAGES, IDEAS, max_tokens)


@contextlib.asynccontextmanager
async def opened(
    other: Upstream, provider: Provider, *said: bytes
) -> AsyncIterator[tuple[Completion, Exchange]]:
    """A completion whose provider has said this, or the head of its answer."""

    async def begin() -> Exchange:
        exchange = await other.next()
        await exchange.send(*said or (HEAD,))
        return exchange

    beginning = asyncio.create_task(begin())
    async with provider.complete(request()) as completion:
        yield completion, await beginning


async def asked(other: Upstream, *, max_tokens: int | None = None, **settings: Any) -> Got:
    async with (
        provider_at(other.base_url, **settings) as provider,
        provider.complete(request(max_tokens)) as completion,
    ):
        texts = [piece async for piece in completion]
        return Got(texts, completion.finish, completion.usage)


async def got(*answer: bytes, **settings: Any) -> Got:
    async with upstream(saying(HEAD + b"".join(answer))) as other:
        return await asked(other, **settings)


async def body_of(**settings: Any) -> Any:
    """The request."""
    async with upstream(saying(HEAD + text(ANSWER) + delta(content=ANSWER) + end())) as other:
        await asked(other, **settings)
        return other.exchanges[0].body


# -- what is asked ----------------------------------------------------------------------------


async def test_in_tools_the_request_forces_one_function() -> None:
    body = await body_of(max_tokens=100)
    assert body["tool_choice"] == {"type": "function", "function": {"name": "Ideas"}}
    (tool,) = body["tools"]
    assert tool["type"] == "function"
    assert tool["function"]["name"] == "Ideas"
    assert tool["function"]["description"] == "Ideas on a topic."
    assert tool["function"]["parameters"]["properties"] == {
        "items": {"type": "array", "items": IDEA}
    }
    assert tool["function"]["parameters"]["required"] == ["items"]
    assert body["messages"] == MESSAGES
    assert body["model"] == "m"
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert body["max_tokens"] == 100
    assert "response_format" not in body


async def test_in_json_schema_the_request_has_the_schema_as_its_response_format() -> None:
    body = await body_of(mode="json_schema")
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["name"] == "Ideas"
    assert list(body["response_format"]["json_schema"]["schema"]["properties"]) == ["items"]
    assert body["messages"] == MESSAGES
    assert "tools" not in body


async def test_in_json_the_request_has_the_schema_in_its_prompt() -> None:
    body = await body_of(mode="json")
    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][0]["content"].startswith("Be brief.")
    assert '"items"' in json.dumps(body["messages"]).replace('\\"', '"')
    assert "tools" not in body


async def test_in_md_json_the_request_asks_for_a_code_block() -> None:
    body = await body_of(mode="md_json")
    assert "```json" in json.dumps(body["messages"])
    assert '"items"' in json.dumps(body["messages"]).replace('\\"', '"')
    assert "tools" not in body
    assert "response_format" not in body


async def test_a_limit_is_sent_only_if_there_is_one_and_in_the_field_that_is_set() -> None:
    body = await body_of()
    assert "max_tokens" not in body
    assert "max_completion_tokens" not in body
    body = await body_of(max_tokens=100, max_tokens_field="max_completion_tokens")
    assert body["max_completion_tokens"] == 100
    assert "max_tokens" not in body


async def test_the_key_is_sent_and_a_base_url_without_a_key_works() -> None:
    async with upstream(saying(HEAD + text(ANSWER) + end())) as other:
        await asked(other, api_key=SecretStr("sk-secret"))
        await asked(other)
        with_key, without = other.exchanges
    assert "authorization: bearer sk-secret\r\n" in with_key.head.lower()
    assert "sk-secret" not in without.head
    assert with_key.head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")


async def head_of(**settings: Any) -> str:
    """The head of the request, in small letters."""
    async with upstream(saying(HEAD + text(ANSWER) + end())) as other:
        await asked(other, **settings)
        return other.exchanges[0].head.lower()


async def test_without_a_key_none_is_sent_that_nobody_has_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "authorization" not in await head_of()
    assert "authorization" not in await head_of(headers={"api-key": "a"})
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "authorization: Own\nX-A: b")
    assert "authorization: own\r\nx-a: b\r\n" in await head_of()


async def test_the_admin_key_of_the_environment_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    assert "sk-admin" not in await head_of()
    assert "sk-admin" not in await head_of(api_key=SecretStr("sk-1"))
    assert "sk-admin" not in await head_of(headers={"Authorization": "Own"})


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
async def test_a_header_of_the_model_goes_before_the_key(name: str) -> None:
    head = await head_of(api_key=SecretStr("sk-1"), headers={name: "Own", "X-A": "b"})
    assert head.count("authorization: ") == 1
    assert "authorization: own\r\n" in head
    assert "x-a: b\r\n" in head


async def test_options_are_merged_into_the_request_those_of_the_schema_last() -> None:
    options = {"stream_options": {"include_obfuscation": False}, "seed": 1, "tool_choice": None}
    async with upstream(saying(HEAD + text(ANSWER) + end())) as other:
        async with provider_at(other.base_url, mode="tools", options=options) as provider:
            for own in ({"seed": 2, "stream_options": None}, {}):
                wanted = CompletionRequest("m", MESSAGES, IDEAS, options=own)
                async with provider.complete(wanted) as completion:
                    assert [piece async for piece in completion] == [ANSWER]
        own, plain = (exchange.body for exchange in other.exchanges)
    assert (own["seed"], plain["seed"]) == (2, 1)
    assert "stream_options" not in own
    assert plain["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    for body in (own, plain):
        assert "tools" in body
        assert "tool_choice" not in body


async def test_the_sdk_takes_no_address_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid/v1")
    client = client_of(ModelSettings(name="m", model="m"))
    assert str(client.base_url) == "https://api.openai.com/v1/"
    await client.close()


def test_what_the_sdk_reads_of_the_environment_is_in_the_page() -> None:
    folder = Path(openai.__file__).parent
    sources = [folder / "_client.py", folder / "_base_client.py", folder / "_utils" / "_logs.py"]
    read = re.findall(
        r"environ(?:\.get\(|\[)\"(\w+)\"", "".join(file.read_text() for file in sources)
    )
    page = Path(__file__).parents[2] / "docs" / "providers.md"
    told = page.read_text(encoding="utf-8").split("## What is read besides")[1]
    assert {"OPENAI_ORG_ID", "OPENAI_CUSTOM_HEADERS", "OPENAI_LOG"} <= set(read)
    assert [name for name in set(read) if f"`{name}`" not in told] == []


async def test_nothing_is_sent_of_this_machine() -> None:
    async with upstream(saying(HEAD + text(ANSWER) + end())) as other:
        await asked(other)
        assert "stainless" not in other.exchanges[0].head.lower()


async def test_the_messages_that_were_asked_are_left_as_they_were() -> None:
    before = json.dumps(MESSAGES)
    for mode in MODES:
        await body_of(mode=mode)
    assert json.dumps(MESSAGES) == before


# -- what comes of the answer -----------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_the_text_comes_as_it_is_written_in_every_mode(mode: str) -> None:
    say = text if mode == "tools" else (lambda piece: delta(content=piece))
    async with (
        upstream() as other,
        provider_at(other.base_url, mode=mode) as provider,
        opened(other, provider, HEAD, delta(role="assistant")) as (completion, exchange),
    ):
        texts = aiter(completion)
        for piece in ('{"items": [{"ti', 'tle": "F', 'igs"}]}'):
            await exchange.send(say(piece))
            assert await asyncio.wait_for(anext(texts), 5) == piece
        await exchange.finish(usage=(7, 9))
        assert [piece async for piece in texts] == []
        assert (completion.finish, completion.usage) == (Finish.STOP, Tokens(7, 9))


async def test_in_md_json_the_text_comes_with_its_fence_as_it_is_written() -> None:
    pieces = ["Here:\n```", "json\n", ANSWER[:9], ANSWER[9:], "\n```", "\nDone."]
    async with (
        upstream() as other,
        provider_at(other.base_url, mode="md_json") as provider,
        opened(other, provider) as (completion, exchange),
    ):
        texts = aiter(completion)
        for piece in pieces:
            await exchange.send(delta(content=piece))
            assert await asyncio.wait_for(anext(texts), 5) == piece


@pytest.mark.parametrize("mode", MODES)
async def test_finish_reason_refusal_and_usage_are_seen_in_every_mode(mode: str) -> None:
    reasons = {"stop": Finish.STOP, "length": Finish.LENGTH, "content_filter": Finish.FILTERED}
    for reason, finish in reasons.items():
        answer = await got(end(reason, (7, 9)), mode=mode)
        assert answer == Got([], finish, Tokens(7, 9))
    answer = await got(delta(refusal="I can't."), end("stop", (7, 9)), mode=mode)
    assert answer == Got([], Finish.REFUSED, Tokens(7, 9))


async def test_an_empty_answer_has_no_text_and_no_finish_reason() -> None:
    assert await got() == Got([])


async def test_several_events_a_read_are_one_piece() -> None:
    assert await got(text("a"), text("b"), end()) == Got(["ab"], Finish.STOP)


async def test_a_body_in_http_chunks_is_read_like_any_other() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = text("ab") + end("stop", (7, 9))
    frames = b"".join(b"1\r\n" + data[i : i + 1] + b"\r\n" for i in range(len(data)))
    async with upstream(saying(head + frames + b"0\r\n\r\n")) as other:
        answer = await asked(other)
    assert "".join(answer.texts) == "ab"
    assert answer.usage == Tokens(7, 9)


async def test_a_body_that_breaks_off_is_interrupted() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = text("ab")
    async with upstream(saying(head + b"%x\r\n" % len(data) + data + b"\r\n")) as other:
        with pytest.raises(ProviderInterrupted):
            await asked(other)


async def test_what_an_answer_has_left_open_is_closed_with_the_provider() -> None:
    """The answer is complete, and the response has no end."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = text("ab") + end()
    before = open_connections()
    async with upstream(saying(head + b"%x\r\n" % len(data) + data + b"\r\n")) as other:
        assert await asked(other) == Got(["ab"], Finish.STOP)
        assert [it for it in open_connections() if it not in before] == []


def open_connections() -> list[Any]:
    """The connections to providers that this process has, whoever has opened them."""
    return [it for it in held(aiohttp.connector.Connection) if it.protocol is not None]


async def test_a_connection_that_is_reset_is_interrupted() -> None:
    async def script(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        exchange.drop()

    async with upstream(script) as other:
        with pytest.raises(ProviderInterrupted):
            await asked(other)


async def test_an_error_in_the_stream_is_what_its_status_would_be() -> None:
    with pytest.raises(ProviderUnavailable):
        await got(text("a"), event({"error": {"message": "overloaded", "code": 503}}))
    with pytest.raises(ProviderProtocol):
        await got(text("a"), event({"error": {"message": "no"}}))


async def test_ten_megabytes_without_a_line_break_are_against_the_protocol() -> None:
    async def script(exchange: Any) -> None:
        await exchange.send(HEAD, b"data: ")
        for _ in range(160):
            await exchange.send(b"x" * 65536)

    async with upstream(script) as other:
        with pytest.raises(ProviderProtocol):
            await asked(other)
        await other.exchanges[0].is_closed()


# -- what goes wrong before there is one ------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (403, ProviderRejected),
        (404, ProviderRejected),
        (429, ProviderRateLimited),
        (500, ProviderUnavailable),
        (503, ProviderUnavailable),
    ],
)
async def test_a_status_is_mapped_and_asked_for_once(code: int, kind: type[ProviderError]) -> None:
    async with upstream(saying(status(code, Retry_After="7"))) as other:
        with pytest.raises(ProviderError) as raised:
            await asked(other)
        assert type(raised.value) is kind
        assert raised.value.retry_after == (None if kind is ProviderRejected else 7)
        assert len(other.exchanges) == 1


async def test_a_redirect_is_followed_nowhere() -> None:
    async with upstream(saying(status(302, Location="http://127.0.0.1:1/"))) as other:
        with pytest.raises(ProviderError):
            await asked(other)


async def test_no_connection_is_unavailable() -> None:
    async with provider_at(f"http://127.0.0.1:{free_port()}/v1") as provider:
        with pytest.raises(ProviderUnavailable):
            async with provider.complete(request()):
                pass


async def test_no_such_host_is_unavailable() -> None:
    async with provider_at("http://provider.invalid/v1") as provider:
        with pytest.raises(ProviderUnavailable):
            async with provider.complete(request()):
                pass


async def test_a_connection_that_closes_without_an_answer_is_unavailable() -> None:
    async def script(exchange: Any) -> None:
        exchange.drop()

    async with upstream(script) as other:
        with pytest.raises(ProviderUnavailable):
            await asked(other)


async def test_a_connection_that_is_not_taken_is_a_timeout() -> None:
    with deaf() as base_url:
        async with provider_at(base_url, connect_timeout=0.2) as provider:
            with pytest.raises(ProviderTimeout):
                async with provider.complete(request()):
                    pass


# -- and what is left -------------------------------------------------------------------------


@pytest.fixture
def _no_lingering_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the end of a response waits longer than the test."""
    monkeypatch.setattr("app.providers.completion.LINGER_SECONDS", 3600)


@pytest.mark.usefixtures("no_collector", "_no_lingering_by_chance")
@pytest.mark.parametrize("mode", MODES)
async def test_leaving_closes_the_connection_at_once_however_far_it_was_read(mode: str) -> None:
    async with upstream() as other, provider_at(other.base_url, mode=mode) as provider:
        for reads in range(3):
            async with opened(other, provider) as (completion, exchange):
                texts = aiter(completion)
                for _ in range(reads):
                    await exchange.send(text("x"), delta(content="x"))
                    await asyncio.wait_for(anext(texts), 5)
            await exchange.is_closed()


@pytest.mark.usefixtures("no_collector")
async def test_cancelling_closes_the_connection_before_and_after_the_headers() -> None:
    async with upstream() as other, provider_at(other.base_url) as provider:

        async def read() -> None:
            async with provider.complete(request()) as completion:
                async for _ in completion:
                    reading.set()

        for sent in (b"", HEAD, HEAD + text("a")):
            reading = asyncio.Event()
            task = asyncio.create_task(read())
            exchange = await other.next()
            await exchange.send(sent)
            if sent.endswith(b"\n\n"):
                await asyncio.wait_for(reading.wait(), 5)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
            await exchange.is_closed()


KEPT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
"""The head of an answer whose connection may serve another request."""


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Counter:
    """A provider that says `said` to each request and ends its answers once `may_end` is set.

    connections: an event for each, set once it is closed
    """

    def __init__(self, *said: bytes) -> None:
        self.connections: list[asyncio.Event] = []
        self.said = b"".join(said)
        self.may_end = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closed = asyncio.Event()
        self.connections.append(closed)
        async with asyncio.TaskGroup() as tasks:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while head := await reader.readuntil(b"\r\n\r\n"):
                    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    writer.write(KEPT + framed(self.said))
                    tasks.create_task(self._end(writer))
            closed.set()
            writer.close()
            self.may_end.set()

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        await self.may_end.wait()
        if not writer.is_closing():
            writer.write(b"0\r\n\r\n")


@contextlib.asynccontextmanager
async def counting(counter: Counter) -> AsyncIterator[Provider]:
    server = await asyncio.start_server(counter.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with provider_at(f"http://127.0.0.1:{port}/v1") as provider:
        yield provider
    counter.may_end.set()
    server.close()


async def test_a_connection_serves_again_once_its_response_has_ended() -> None:
    counter = Counter(text(ANSWER), end())
    async with counting(counter) as provider:
        counter.may_end.set()
        for _ in range(3):
            async with provider.complete(request()) as completion:
                assert [piece async for piece in completion] == [ANSWER]
                await asyncio.wait_for(completion.received, 5)
    assert len(counter.connections) == 1


@pytest.mark.usefixtures("_no_lingering_by_chance")
async def test_a_response_may_end_a_moment_after_its_completion() -> None:
    counter = Counter(text(ANSWER), end())
    async with counting(counter) as provider:
        for _ in range(2):
            counter.may_end.clear()
            async with provider.complete(request()) as completion:
                assert [piece async for piece in completion] == [ANSWER]
                assert not completion.received.done()
            counter.may_end.set()
            await asyncio.wait_for(completion.received, 5)
            await asyncio.sleep(0)  # then the connection is given back
    assert len(counter.connections) == 1


@pytest.mark.usefixtures("no_collector")
async def test_a_response_that_does_not_end_is_closed_after_a_moment() -> None:
    counter = Counter(text(ANSWER), end())
    async with counting(counter) as provider:
        async with provider.complete(request()) as completion:
            assert [piece async for piece in completion] == [ANSWER]
        await asyncio.wait_for(completion.received, 5)
        await asyncio.wait_for(counter.connections[0].wait(), 5)


@pytest.mark.usefixtures("no_collector", "_no_lingering_by_chance")
async def test_a_response_that_does_not_end_is_closed_at_once_by_a_cancellation() -> None:
    counter = Counter(text(ANSWER), end())
    async with counting(counter) as provider:
        read: list[str] = []

        async def stay() -> None:
            async with provider.complete(request()) as completion:
                read.extend([piece async for piece in completion])
                reading.set()
                await asyncio.Event().wait()

        reading = asyncio.Event()
        task = asyncio.create_task(stay())
        await asyncio.wait_for(reading.wait(), 5)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert (read, task.cancelled()) == ([ANSWER], True)
        await asyncio.wait_for(counter.connections[0].wait(), 5)


async def test_received_is_told_while_nothing_is_read_and_the_text_gathers() -> None:
    async with (
        upstream() as other,
        provider_at(other.base_url) as provider,
        opened(other, provider, HEAD, text("a")) as (completion, exchange),
    ):
        texts = aiter(completion)
        assert await anext(texts) == "a"
        assert not completion.received.done()
        for piece in "bcd":
            await exchange.send(text(piece))
        await exchange.finish()
        exchange.eof()
        await asyncio.wait_for(completion.received, 5)
        assert [piece async for piece in texts] == ["bcd"]


async def test_an_error_without_an_end_is_not_read_for_ever() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n")
        while True:
            await exchange.send(b"x" * 65536)

    async with upstream(script) as other:
        with pytest.raises(ProviderUnavailable):
            await asyncio.wait_for(asked(other), 5)
        await other.exchanges[0].is_closed()
