"""Anthropic over real sockets: what is asked, what comes of the answer, and what is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tomllib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from app.errors import (
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ServiceError,
)
from app.providers.anthropic.request import DEFAULT_MAX_TOKENS, AnthropicRequests
from app.providers.asking.way import Way
from app.providers.base import Completion, CompletionRequest, Finish, Provider, Tokens
from app.providers.factory import PROVIDERS
from app.providers.model_settings import ModelSettings
from app.schemas.asked_model import AskedModel
from tests.support.deaf import deaf
from tests.support.messages import arguments, begin, called, end, failed, said, start, thought
from tests.support.sockets import free_port
from tests.support.upstream import HEAD, Exchange, Upstream, saying, status, upstream

MODES = ["tools", "json_schema", "json", "md_json"]
IDEAS = AskedModel(
    "Ideas",
    "Ideas on a topic.",
    {
        "type": "object",
        "title": "Ideas",
        "description": "Ideas on a topic.",
        "properties": {
            "items": {
                "type": "array",
                "items": {"$ref": "#/$defs/Idea"},
                "minItems": 1,
                "maxItems": 3,
            },
            "year": {"type": "integer", "minimum": 1900, "default": 2000},
        },
        "required": ["items"],
        "$defs": {
            "Idea": {
                "type": "object",
                "properties": {"title": {"type": "string", "minLength": 2}},
                "required": ["title"],
            }
        },
    },
)
ANSWER = '{"items": [{"title": "Figs"}]}'
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Figs?"}]
AGAIN = [*MESSAGES, {"role": "assistant", "content": "no"}, {"role": "user", "content": "Again."}]
IN_TOOLS = HEAD + start() + called([ANSWER]) + end("tool_use")
IN_TEXT = HEAD + start() + said([ANSWER]) + end()


class Got(NamedTuple):
    text: str
    finish: Finish | None = Finish.STOP
    usage: Tokens | None = Tokens(7, 9)


@contextlib.asynccontextmanager
async def provider_at(base_url: str, **settings: Any) -> AsyncIterator[Provider]:
    given = ModelSettings(
        name="m", model="claude", provider="anthropic", base_url=base_url, **settings
    )
    provider = PROVIDERS["anthropic"](given)
    try:
        yield provider
    finally:
        await provider.aclose()


def request(messages: list[Any] = MESSAGES, **more: Any) -> CompletionRequest:
    return CompletionRequest("m", messages, IDEAS, **more)


async def asked(other: Upstream, asking: CompletionRequest | None = None, **settings: Any) -> Got:
    async with (
        provider_at(other.base_url, **settings) as provider,
        provider.complete(asking or request()) as completion,
    ):
        text = "".join([piece async for piece in completion])
        return Got(text, completion.finish, completion.usage)


async def sent(asking: CompletionRequest | None = None, **settings: Any) -> Exchange:
    """The request."""
    async with upstream(saying(HEAD + start() + end())) as other:
        await asked(other, asking, **settings)
        return other.exchanges[0]


async def body_of(asking: CompletionRequest | None = None, **settings: Any) -> Any:
    return (await sent(asking, **settings)).body


def headers(exchange: Exchange) -> dict[str, str]:
    lines = exchange.head.strip().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


# -- what is asked ----------------------------------------------------------------------------


async def test_in_tools_the_request_forces_one_call_of_one_tool() -> None:
    body = await body_of(mode="tools")
    assert body == {
        "model": "claude",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": "Figs?"}],
        "stream": True,
        "tools": [
            {
                "name": "Ideas",
                "description": "Ideas on a topic.",
                "input_schema": IDEAS.json_schema,
            }
        ],
        "tool_choice": {"type": "tool", "name": "Ideas", "disable_parallel_tool_use": True},
    }


@pytest.mark.parametrize("mode", ["json", "md_json"])
async def test_in_json_the_schema_is_in_the_system_prompt(mode: str) -> None:
    body = await body_of(mode=mode)
    assert not {"tools", "tool_choice", "output_config"} & body.keys()
    own, added = body["system"]
    assert own == {"type": "text", "text": "Be brief."}
    assert '"title": "Ideas"' in added["text"]
    assert body["messages"] == MESSAGES[1:]


async def test_in_json_schema_the_format_has_the_schema_as_anthropic_takes_it() -> None:
    body = await body_of(mode="json_schema")
    assert not {"tools", "tool_choice"} & body.keys()
    schema = body["output_config"]["format"]["schema"]
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert (
        schema["additionalProperties"] is schema["$defs"]["Idea"]["additionalProperties"] is False
    )
    items, year = schema["properties"]["items"], schema["properties"]["year"]
    assert items["minItems"] == 1
    assert items["description"] == "Items: at most 3."
    words = json.dumps(schema)
    assert not [
        word for word in ("maxItems", "minimum", "minLength", "default") if f'"{word}"' in words
    ]
    assert "At least 1900." in json.dumps(year)


async def test_the_strict_dialect_asks_for_tools_that_are_held_to_their_schema() -> None:
    (tool,) = (await body_of(mode="tools", dialect="strict"))["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"]["additionalProperties"] is False
    assert "maxItems" not in json.dumps(tool)


@pytest.mark.parametrize(
    "thinking", [{"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}]
)
@pytest.mark.parametrize("of_schema", [True, False])
async def test_a_model_that_thinks_is_not_forced_to_call(
    thinking: dict[str, Any], of_schema: bool
) -> None:
    options = {"thinking": thinking}
    asking = request(options=options) if of_schema else request()
    body = await body_of(asking, mode="tools", options={} if of_schema else options)
    assert body["thinking"] == thinking
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    own, added = body["system"]
    assert own["text"] == "Be brief."
    assert "tool call" in added["text"]


async def test_thinking_that_is_off_leaves_the_call_forced() -> None:
    body = await body_of(mode="tools", options={"thinking": {"type": "disabled"}})
    assert body["tool_choice"]["type"] == "tool"


async def test_tokens_are_bounded_by_the_schema_then_the_options() -> None:
    assert (await body_of(request(max_tokens=100)))["max_tokens"] == 100
    body = await body_of(request(max_tokens=100), options={"max_tokens": 50})
    assert body["max_tokens"] == 50
    body = await body_of(request(options={"max_tokens": 40}), options={"max_tokens": 50})
    assert body["max_tokens"] == 40


async def test_options_are_merged_and_take_fields_out() -> None:
    options = {
        "temperature": 0.5,
        "system": None,
        "tool_choice": {"type": "any"},
        "metadata": {"user_id": "u"},
    }
    body = await body_of(mode="tools", options=options)
    assert "system" not in body
    assert (body["temperature"], body["metadata"]) == (0.5, {"user_id": "u"})
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


async def test_a_second_attempt_takes_turns() -> None:
    body = await body_of(request(AGAIN))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["system"] == [{"type": "text", "text": "Be brief."}]


async def test_without_a_system_prompt_there_is_no_system() -> None:
    assert "system" not in await body_of(request(MESSAGES[1:]), mode="tools")


async def test_the_messages_that_were_asked_are_left_as_they_were() -> None:
    before = json.dumps(MESSAGES)
    for mode in MODES:
        await body_of(mode=mode)
    assert json.dumps(MESSAGES) == before


async def test_the_key_and_the_version_are_headers_and_nothing_tells_of_this_machine() -> None:
    exchange = await sent(api_key=SecretStr("sk-ant"))
    assert exchange.head.startswith("POST /v1/messages HTTP/1.1\r\n")
    found = headers(exchange)
    assert (found["x-api-key"], found["anthropic-version"]) == ("sk-ant", "2023-06-01")
    assert found["content-type"] == "application/json"
    assert "authorization" not in found
    assert "x-api-key" not in headers(await sent())
    assert "python" not in exchange.head.lower()


async def test_headers_and_the_query_go_along_and_take_precedence() -> None:
    given = {"Anthropic-Version": "2030-01-01", "anthropic-beta": "x", "X-Team": "search"}
    exchange = await sent(headers=given, query={"api-version": "1"})
    assert exchange.head.startswith("POST /v1/messages?api-version=1 HTTP/1.1\r\n")
    found = headers(exchange)
    assert (found["anthropic-version"], found["anthropic-beta"]) == ("2030-01-01", "x")
    assert found["x-team"] == "search"


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_base_url_may_or_may_not_have_the_version(suffix: str) -> None:
    async with upstream(saying(IN_TOOLS)) as other:
        root = other.base_url.removesuffix("/v1")
        async with (
            provider_at(f"{root}/relay{suffix}") as provider,
            provider.complete(request()) as completion,
        ):
            assert "".join([piece async for piece in completion]) == ANSWER
        assert other.exchanges[0].head.startswith("POST /relay/v1/messages ")


# -- what comes of the answer -----------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_the_answer_is_read_in_each_mode(mode: str) -> None:
    async with upstream(saying(IN_TOOLS if mode == "tools" else IN_TEXT)) as other:
        assert await asked(other, mode=mode) == Got(ANSWER)


async def test_text_comes_as_it_is_written() -> None:
    async with upstream() as other, provider_at(other.base_url) as provider:

        async def answer() -> Exchange:
            exchange = await other.next()
            await exchange.send(HEAD, start(), thought("hm"), begin(1, "tool_use", input={}))
            return exchange

        beginning = asyncio.create_task(answer())
        async with provider.complete(request()) as completion:
            texts, exchange = aiter(completion), await beginning
            for piece in (ANSWER[:9], ANSWER[9:]):
                await exchange.send(arguments(piece, 1))
                assert await asyncio.wait_for(anext(texts), 5) == piece


async def test_a_refused_way_is_followed_by_the_next_one() -> None:
    said_no = "Thinking may not be enabled when tool_choice forces tool use."
    async with upstream(saying(refusing(400, said_no), IN_TOOLS)) as other:
        assert await asked(other) == Got(ANSWER)
        choices = [exchange.body["tool_choice"]["type"] for exchange in other.exchanges]
    assert choices == ["tool", "auto"]


async def test_a_model_without_tools_is_asked_for_structured_output_and_then_in_words() -> None:
    no_tools = "tools: this model does not support tool use"
    no_format = "output_config.format: Extra inputs are not permitted"
    answers = saying(refusing(400, no_tools), refusing(400, no_format), IN_TEXT)
    async with upstream(answers) as other:
        assert await asked(other) == Got(ANSWER)
        ways = [{"tools", "output_config"} & exchange.body.keys() for exchange in other.exchanges]
    assert ways == [{"tools"}, {"output_config"}, set()]


async def test_only_in_auto_another_way_is_tried() -> None:
    async with upstream(saying(refusing(400, "tools: not supported"))) as other:
        with pytest.raises(ProviderRejected):
            await asked(other, mode="tools")
        assert len(other.exchanges) == 1


@pytest.mark.parametrize(
    "way",
    [
        Way(mode="tools"),
        Way(mode="tools", dialect="plain", tool_choice="auto"),
        Way(mode="tools", tool_choice="required"),
        Way(mode="json_schema", dialect="strict"),
        Way(mode="json"),
    ],
)
async def test_what_saves_the_detour_is_the_way_as_models_toml_has_it(way: Way) -> None:
    told = AnthropicRequests(ModelSettings(name="m", model="claude")).settings_for(way)
    settings = tomllib.loads(told.replace("; ", "\n"))
    sent, wanted = (
        AnthropicRequests(ModelSettings(name="m", model="claude", **given))
        for given in (settings, {})
    )
    found = sent.body(sent.first_way(), request())
    assert found.get("tool_choice") == wanted.body(way, request()).get("tool_choice")
    assert found.get("tools") == wanted.body(way, request()).get("tools")
    assert found.get("output_config") == wanted.body(way, request()).get("output_config")


# -- what goes wrong --------------------------------------------------------------------------


def refusing(code: int, message: str, type: str = "invalid_request_error") -> bytes:
    """A whole answer that tells an error."""
    error = {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}
    data = json.dumps(error).encode()
    head = f"HTTP/1.1 {code} No\r\nContent-Type: application/json\r\nrequest-id: req_1\r\n"
    return f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data


@pytest.mark.parametrize(
    ("code", "type", "kind"),
    [
        (400, "invalid_request_error", ProviderRejected),
        (401, "authentication_error", ProviderRejected),
        (402, "billing_error", ProviderRejected),
        (403, "permission_error", ProviderRejected),
        (404, "not_found_error", ProviderRejected),
        (413, "request_too_large", ProviderRejected),
        (429, "rate_limit_error", ProviderRateLimited),
        (500, "api_error", ProviderUnavailable),
        (504, "timeout_error", ProviderUnavailable),
        (529, "overloaded_error", ProviderUnavailable),
    ],
)
async def test_a_status_is_mapped_and_asked_for_once(
    code: int, type: str, kind: type[ServiceError]
) -> None:
    async with upstream(saying(refusing(code, "sk-canary said", type))) as other:
        with pytest.raises(ServiceError) as raised:
            await asked(other)
        assert len(other.exchanges) == 1
    assert raised.type is kind
    assert raised.value.cause == f"status {code}, code {type}"


async def test_the_time_to_wait_is_passed_on() -> None:
    async with upstream(saying(status(429, Retry_After="7"))) as other:
        with pytest.raises(ProviderRateLimited) as raised:
            await asked(other)
    assert raised.value.retry_after == 7


async def test_an_error_in_the_stream_closes_the_connection() -> None:
    async with upstream() as other, provider_at(other.base_url) as provider:
        with pytest.raises(ProviderUnavailable):
            await read_until_overloaded(other, provider)
        await other.exchanges[0].is_closed()


async def read_until_overloaded(other: Upstream, provider: Provider) -> None:
    async def overload() -> None:
        await (await other.next()).send(HEAD, start(), called(["{"]), failed("overloaded_error"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(overload())
        error = await tasks.create_task(error_of(provider))
    raise error


async def error_of(provider: Provider) -> ServiceError:
    try:
        async with provider.complete(request()) as completion:
            async for _ in completion:
                pass
    except ServiceError as error:
        return error
    raise AssertionError


async def test_a_redirect_is_followed_nowhere() -> None:
    async with upstream(saying(status(307, Location="http://127.0.0.1:1/"))) as other:
        with pytest.raises(ServiceError):
            await asked(other, api_key=SecretStr("sk-ant"))
        assert len(other.exchanges) == 1


async def test_no_connection_is_unavailable() -> None:
    async with provider_at(f"http://127.0.0.1:{free_port()}") as provider:
        assert isinstance(await error_of(provider), ProviderUnavailable)


async def test_a_connection_that_is_not_taken_is_a_timeout() -> None:
    with deaf() as base_url:
        async with provider_at(base_url, connect_timeout=0.2) as provider:
            assert isinstance(await error_of(provider), ProviderTimeout)


async def test_what_is_no_http_is_against_the_protocol() -> None:
    async with upstream(saying(b"220 mail.example ESMTP\r\n\r\n")) as other:
        with pytest.raises(ProviderProtocol):
            await asked(other)


async def test_a_body_that_breaks_off_is_interrupted() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = start() + called([ANSWER])
    async with upstream(saying(head + b"%x\r\n" % len(data) + data + b"\r\n")) as other:
        with pytest.raises(ProviderInterrupted):
            await asked(other)


# -- and what is left -------------------------------------------------------------------------


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("mode", MODES)
async def test_leaving_closes_the_connection_at_once(mode: str) -> None:
    async with upstream() as other, provider_at(other.base_url, mode=mode) as provider:

        async def read() -> None:
            async with provider.complete(request()) as completion:
                texts = aiter(completion)
                await anext(texts)

        task = asyncio.create_task(read())
        exchange = await other.next()
        await exchange.send(HEAD, start(), called(["{"]) if mode == "tools" else said(["{"]))
        await asyncio.wait_for(task, 5)
        await exchange.is_closed()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("before", [b"", HEAD, HEAD + start() + called(["{"])])
async def test_cancelling_closes_the_connection(before: bytes) -> None:
    async with upstream() as other, provider_at(other.base_url) as provider:
        reading = asyncio.Event()

        async def read() -> None:
            async with provider.complete(request()) as completion:
                async for _ in completion:
                    reading.set()

        task = asyncio.create_task(read())
        exchange = await other.next()
        await exchange.send(before)
        if before.endswith(b"\n\n") and before != HEAD:
            await asyncio.wait_for(reading.wait(), 5)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await exchange.is_closed()


async def test_a_connection_serves_again_once_its_response_has_ended() -> None:
    data = start() + called([ANSWER]) + end()
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(kept)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with provider_at(f"http://127.0.0.1:{port}") as provider:
        for _ in range(3):
            async with provider.complete(request()) as completion:
                assert await text_of(completion) == ANSWER
                await asyncio.wait_for(completion.received, 5)
    server.close()
    assert connections == 1


async def text_of(completion: Completion) -> str:
    return "".join([piece async for piece in completion])
