"""The demo endpoint over real sockets: in bytes, through the OpenAI client, through Instructor."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import instructor
import openai
import pytest
from instructor.core.exceptions import InstructorRetryException
from pydantic import BaseModel, Field
from pydantic_core import from_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.demo import MODELS, SECRET, DemoServer
from app.demo.play import BATCH, Play, perform
from app.demo.refusals import REFUSING
from app.demo.request import TOPIC, BadRequest, find_topic, read_request
from app.schema import quote
from tests.support.held import held
from tests.support.http_client import http_client
from tests.support.service import eventually
from tests.support.sockets import reset_when_closed


class Idea(BaseModel):
    """An idea."""

    title: str = Field(examples=["Roasted chickpeas", "Apple slices with tahini"])
    blurb: Annotated[str, Field(max_length=140)]


class Ideas(BaseModel):
    items: Annotated[list[Idea], Field(min_length=1, max_length=4)]


SCHEMA = Ideas.model_json_schema()
MESSAGES: list[Any] = [
    {"role": "system", "content": "Give ideas."},
    {"role": "user", "content": quote("topic", "garden parties & <tea>")},
]
AGAIN: list[Any] = [
    *MESSAGES,
    {"role": "assistant", "content": "{}"},
    {"role": "user", "content": "Correct your JSON."},
]
PROMPT = f"match the following json_schema:\n\n{json.dumps(SCHEMA, indent=2)}\n\nReturn an instance"
FENCE = "Return the correct JSON response within a ```json codeblock. not the JSON_SCHEMA"
modes: dict[str, dict[str, Any]] = {
    "tools": {
        "tools": [{"type": "function", "function": {"name": "Ideas", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "Ideas"}},
    },
    "json_schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Ideas", "schema": SCHEMA},
        }
    },
    "json": {
        "messages": [{"role": "system", "content": PROMPT}, MESSAGES[1]],
        "response_format": {"type": "json_object"},
    },
    "md_json": {
        "messages": [
            {"role": "system", "content": PROMPT},
            {"role": "user", "content": f"{MESSAGES[1]['content']}\n\n{FENCE}"},
        ],
    },
}
endless = ["demo-stall", "demo-silent", "demo-drip", "demo-blanks"]


@asynccontextmanager
async def served(tokens_per_second: float = 0) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        DemoServer(tokens_per_second) as server,
        http_client(base_url=server.base_url, timeout=20) as client,
    ):
        yield client


@asynccontextmanager
async def openai_client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        DemoServer(0) as server,
        openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client,
    ):
        yield client


def body(model: str = "demo", mode: str = "json_schema", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": MESSAGES, "stream": True} | modes[mode] | more


async def read(client: httpx.AsyncClient, request: dict[str, Any]) -> tuple[str, Exception | None]:
    """All that comes, and what broke it off."""
    got = b""
    try:
        async with client.stream("POST", "/chat/completions", json=request) as response:
            assert response.status_code == 200
            async for data in response.aiter_raw():
                got += data
    except httpx.TransportError as error:
        return got.decode(), error
    return got.decode(), None


def chunks(text: str) -> list[dict[str, Any]]:
    events = text.split("\n\n")
    return [json.loads(e[6:]) for e in events if e.startswith("data: {") and "{not" not in e]


def written(text: str) -> str:
    """The content, the arguments or the refusal that the chunks make together."""
    out = ""
    for chunk in chunks(text):
        for choice in chunk.get("choices", ()):
            delta = choice["delta"]
            calls = delta.get("tool_calls", ())
            out += "".join(call["function"]["arguments"] for call in calls)
            out += delta.get("content") or delta.get("refusal") or ""
    return out


def finish(text: str) -> str | None:
    reasons = [c["choices"][0]["finish_reason"] for c in chunks(text) if c.get("choices")]
    return next((reason for reason in reasons if reason), None)


async def settle(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until no tasks but these are left."""
    if others := asyncio.all_tasks() - tasks:
        _, running = await asyncio.wait(others, timeout=10)
        assert not running


@pytest.mark.parametrize("mode", modes)
async def test_each_mode_streams_a_valid_answer_about_the_topic(mode: str) -> None:
    async with served() as client:
        text, _ = await read(client, body(mode=mode))
    answer = written(text)
    assert answer.startswith("```json\n") == answer.endswith("\n```") == (mode == "md_json")
    ideas = Ideas.model_validate_json(answer.removeprefix("```json\n").removesuffix("\n```"))
    assert len(ideas.items) == 4
    assert "arden parties & <tea>" in answer
    assert finish(text) == ("tool_calls" if mode == "tools" else "stop")
    assert text.endswith("\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize("mode", modes)
async def test_the_first_chunk_has_only_a_role_and_each_other_a_token(mode: str) -> None:
    async with served() as client:
        text, _ = await read(client, body(mode=mode))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(text)]
    assert deltas[0] == {"role": "assistant"}
    assert deltas[-1] == {}
    assert len(deltas) > 50
    if mode == "tools":
        (call,) = deltas[1]["tool_calls"]
        assert call["id"].startswith("call_")
        assert call | {"id": ""} == {
            "index": 0,
            "id": "",
            "type": "function",
            "function": {"name": "Ideas", "arguments": ""},
        }
        assert all(list(d["tool_calls"][0]) == ["index", "function"] for d in deltas[2:-1])
    else:
        assert all(list(delta) == ["content"] for delta in deltas[1:-1])


@pytest.mark.parametrize("mode", modes)
async def test_the_openai_client_reads_it_streaming_or_not_with_the_same_counts(mode: str) -> None:
    async with openai_client() as client:
        request = body(mode=mode)
        stream = await client.chat.completions.create(
            **request, stream_options={"include_usage": True}
        )
        got = [chunk async for chunk in stream]
        whole = await client.chat.completions.create(**request | {"stream": False})
    assert got[-1].choices == []
    assert got[-1].usage == whole.usage
    assert whole.usage is not None
    tokens = len(got) - (4 if mode == "tools" else 3)
    assert whole.usage.completion_tokens == tokens
    assert whole.usage.prompt_tokens > 50
    message = whole.choices[0].message
    if mode == "tools":
        assert message.tool_calls is not None
        calls = [c.choices[0].delta.tool_calls for c in got if c.choices]
        streamed = "".join(call[0].function.arguments for call in calls if call)
        assert streamed == message.tool_calls[0].function.arguments
    else:
        streamed = "".join(c.choices[0].delta.content or "" for c in got if c.choices)
        assert streamed == message.content


@pytest.mark.parametrize("mode", [m.upper() for m in modes])
async def test_instructor_gets_its_model_and_asks_the_invalid_demo_again(mode: str) -> None:
    async with openai_client() as client:
        create = instructor.from_openai(client, mode=instructor.Mode[mode]).chat.completions.create
        asked: Any = {"messages": MESSAGES, "response_model": Ideas}
        assert len((await create(model="demo", **asked)).items) == 4
        again = await create(model="demo-invalid", max_retries=2, **asked)
        assert len(again.items) == 4
        with pytest.raises(InstructorRetryException):
            await create(model="demo-always-invalid", max_retries=2, **asked)


async def test_the_same_request_has_the_same_answer_and_another_topic_another() -> None:
    async with served() as client:
        first, same = [written((await read(client, body()))[0]) for _ in range(2)]
        messages = [{"role": "user", "content": quote("topic", "jazz")}]
        other = written((await read(client, body(messages=messages)))[0])
    assert first == same
    assert first != other
    assert "jazz" in other.lower()


async def test_without_a_schema_it_writes_prose_and_json_mode_an_object() -> None:
    async with served() as client:
        plain, _ = await read(client, {"model": "demo", "messages": MESSAGES, "stream": True})
        asked = {"model": "demo", "messages": MESSAGES, "response_format": {"type": "json_object"}}
        message = (await client.post("/chat/completions", json=asked)).json()["choices"][0]
    assert "Garden parties & <tea>: " in written(plain)
    assert finish(plain) == "stop"
    assert json.loads(message["message"]["content"]).keys() == {"title", "summary", "points"}


@pytest.mark.parametrize(
    "topic", ["\ud83d half", "\x00", "🚀", "\n\ndata: [DONE]", '"\\', "x" * 500]
)
async def test_any_topic_is_written_about_in_one_line_of_json(topic: str) -> None:
    messages = [{"role": "user", "content": quote("topic", topic)}]
    async with served() as client:
        content = json.dumps(body(messages=messages))
        response = await client.post("/chat/completions", content=content)
    Ideas.model_validate_json(written(response.text))
    assert response.text.count("[DONE]\n\n") == 1


@pytest.mark.parametrize("mode", modes)
@pytest.mark.parametrize("model", ["demo-invalid", "demo-always-invalid"])
async def test_an_invalid_answer_has_a_good_element_first(model: str, mode: str) -> None:
    async with served() as client:
        first, _ = await read(client, body(model, mode))
        messages = body(model, mode)["messages"] + AGAIN[2:]
        second, _ = await read(client, body(model, mode) | {"messages": messages})
    items = json.loads(written(first).strip("`json\n"))["items"]
    Idea.model_validate(items[0])
    assert len(items[1]["blurb"]) > 140
    items = json.loads(written(second).strip("`json\n"))["items"]
    assert (len(items[1]["blurb"]) > 140) == (model == "demo-always-invalid")


async def test_an_obedient_model_tells_its_instructions_and_asked_again_answers_too() -> None:
    async with served() as client:
        first, _ = await read(client, body("demo-obedient", "tools"))
        messages = body("demo-obedient", "tools")["messages"] + AGAIN[2:]
        second, _ = await read(client, body("demo-obedient", "tools") | {"messages": messages})
    said = "My instructions are:\nGive ideas.\n"
    assert written(first) == said
    Ideas.model_validate_json(written(second).removeprefix(said))


@pytest.mark.parametrize(
    ("model", "reason"), [("demo-truncated", "length"), ("demo-filtered", "content_filter")]
)
@pytest.mark.parametrize("mode", modes)
async def test_a_cut_answer_says_why(model: str, reason: str, mode: str) -> None:
    async with served() as client:
        text, error = await read(client, body(model, mode))
        whole, _ = await read(client, body(mode=mode))
        single = await client.post("/chat/completions", json=body(model, mode, stream=False))
    assert error is None
    assert finish(text) == single.json()["choices"][0]["finish_reason"] == reason
    assert 30 < len(written(text)) < len(written(whole))
    assert written(whole).startswith(written(text))


@pytest.mark.parametrize("mode", modes)
async def test_a_refusal_comes_in_pieces_and_then_stops(mode: str) -> None:
    async with served() as client:
        text, _ = await read(client, body("demo-refusal", mode))
        single = await client.post(
            "/chat/completions", json=body("demo-refusal", mode, stream=False)
        )
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(text)]
    assert [list(delta) for delta in deltas[:3]] == [["role"], ["refusal"], ["refusal"]]
    assert written(text).startswith("I'm sorry, but I can't help")
    assert finish(text) == "stop"
    message = single.json()["choices"][0]["message"]
    assert message["refusal"] == written(text)
    assert message["content"] is None


@pytest.mark.parametrize("mode", modes)
async def test_a_broken_connection_has_some_content_and_no_end(mode: str) -> None:
    async with served() as client:
        text, error = await read(client, body("demo-disconnect", mode))
        _, single = await read(client, body("demo-disconnect", mode, stream=False))
    assert len(written(text)) > 30
    assert finish(text) is None
    assert "[DONE]" not in text
    assert isinstance(error, httpx.RemoteProtocolError)
    assert isinstance(single, httpx.RemoteProtocolError)


async def test_garbage_is_a_chunk_that_can_not_be_read() -> None:
    async with served() as client:
        text, error = await read(client, body("demo-garbage"))
        single = await client.post("/chat/completions", json=body("demo-garbage", stream=False))
    assert error is None
    assert len(written(text)) > 30
    assert text.endswith("\n\ndata: {not json\n\n")
    assert single.text == "{not json"


@pytest.mark.parametrize("model", ["demo-error", "demo-overloaded"])
async def test_an_error_in_the_stream_holds_what_may_never_leak(model: str) -> None:
    async with served() as client:
        text, error = await read(client, body(model))
    assert error is None
    assert len(written(text)) > 30
    assert SECRET in chunks(text)[-1]["error"]["message"]
    async with openai_client() as client2:
        stream = await client2.chat.completions.create(**body(model))
        with pytest.raises(openai.APIError, match=SECRET):
            _ = [chunk async for chunk in stream]


@pytest.mark.parametrize(
    ("model", "status", "kind"),
    [
        ("demo-429", 429, openai.RateLimitError),
        ("demo-500", 500, openai.InternalServerError),
        ("demo-401", 401, openai.AuthenticationError),
        ("demo-down", 503, openai.InternalServerError),
        ("demo-4", 404, openai.NotFoundError),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_some_fail_with_a_status(
    model: str, status: int, kind: type[openai.APIStatusError], stream: bool
) -> None:
    async with openai_client() as client:
        with pytest.raises(kind) as caught:
            await client.chat.completions.create(**body(model) | {"stream": stream})
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"]
    assert caught.value.response.headers.get("retry-after") == ("1" if status == 429 else None)


STRICT = {"type": "json_schema", "json_schema": {"schema": SCHEMA, "strict": True}}
TAKEN: dict[str, dict[str, Any]] = {
    "demo-no-tools": body(response_format=STRICT),
    "demo-no-forced-tool": body(mode="tools", tool_choice="auto"),
    "demo-no-parallel-tool-calls": body(mode="tools"),
    "demo-no-strict": body(mode="json_schema"),
    "demo-no-json-schema": body(mode="json"),
    "demo-no-references": body(mode="json"),
    "demo-no-stream-options": body(mode="tools"),
    "demo-no-max-tokens": body(mode="tools", max_completion_tokens=9),
}
REFUSED: dict[str, dict[str, Any]] = {
    "demo-no-tools": body(mode="tools"),
    "demo-no-forced-tool": body(mode="tools", tool_choice="required"),
    "demo-no-parallel-tool-calls": body(mode="tools", parallel_tool_calls=False),
    "demo-no-strict": body(response_format=STRICT),
    "demo-no-json-schema": body(mode="json_schema"),
    "demo-no-references": body(mode="json_schema"),
    "demo-no-stream-options": body(stream_options={"include_usage": True}),
    "demo-no-max-tokens": body(max_tokens=9),
}


@pytest.mark.parametrize("model", REFUSING)
async def test_some_refuse_one_part_of_a_request_and_answer_any_other(model: str) -> None:
    async with served() as client:
        refused = await client.post("/chat/completions", json=REFUSED[model] | {"model": model})
        assert refused.status_code in (400, 422)
        assert refused.json()
        text, _ = await read(client, TAKEN[model] | {"model": model})
        assert finish(text) in ("stop", "tool_calls")
        text, _ = await read(client, REFUSED[model])  # the plain one takes it all
        assert finish(text) in ("stop", "tool_calls")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        b'{"model": "demo"}',
        b'{"model": "demo", "messages": []}',
        b'{"model": "demo", "messages": ["hello"]}',
        b'{"messages": [{"role": "user", "content": "hello"}]}',
        json.dumps(body(response_format={"type": "json_schema"})).encode(),
        json.dumps(body(mode="tools", tool_choice={"function": {"name": "x"}})).encode(),
        json.dumps(body(mode="tools", tools=3)).encode(),
        json.dumps(
            body(
                response_format={
                    "type": "json_schema",
                    "json_schema": {"schema": {"type": "object", "properties": [1]}},
                }
            )
        ).encode(),
    ],
)
async def test_a_request_that_is_none_is_refused_in_openais_words(content: bytes) -> None:
    async with served() as client:
        response = await client.post("/chat/completions", content=content)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error.keys() == {"message", "type", "param", "code"}


async def test_all_models_are_listed_the_plain_one_first() -> None:
    async with openai_client() as client:
        models = [model.id async for model in client.models.list()]
    assert tuple(models) == MODELS
    assert MODELS[0] == "demo"
    assert len(MODELS) == 33


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", endless)
async def test_an_endless_answer_ends_when_the_client_goes(model: str, stream: bool) -> None:
    async with served() as client:
        before = asyncio.all_tasks()
        request = client.build_request("POST", "/chat/completions", json=body(model, stream=stream))
        response = await client.send(request, stream=True)
        assert response.status_code == 200
        if model != "demo-silent":
            async for data in response.aiter_raw():
                assert data
                break
        assert asyncio.all_tasks() - before
        await response.aclose()
        await settle(before)


async def test_a_stall_comes_after_some_content_and_a_drip_without_any() -> None:
    async with served() as client:
        for model, least, wanted in (("demo-stall", 30, '"content"'), ("demo-drip", 0, ": keep")):
            got = ""
            async with client.stream("POST", "/chat/completions", json=body(model)) as response:
                async for text in response.aiter_text():
                    got += text
                    if got.count(wanted) >= 3:
                        break
            assert len(written(got)) >= least
            assert model == "demo-stall" or got == ": keep-alive\n\n" * 3


async def test_blanks_come_after_some_content_and_where_json_may_have_them() -> None:
    async with served() as client:
        got = ""
        async with client.stream("POST", "/chat/completions", json=body("demo-blanks")) as response:
            async for text in response.aiter_text():
                got += text
                if written(got).endswith("\n\n\n"):
                    break
        value = written(got).rstrip("\n")
        assert len(value) > 30
        assert value[-1] in "{[,: "
        assert from_json(written(got), allow_partial=True)["items"]


async def test_leaving_the_server_breaks_off_what_runs_and_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    async with http_client(timeout=20) as client:
        async with DemoServer(1) as server:
            url = f"{server.base_url}/chat/completions"
            calls = [client.build_request("POST", url, json=body(m)) for m in [*endless, "demo"]]
            running = [await client.send(call, stream=True) for call in calls]
            assert len(asyncio.all_tasks() - before) >= len(calls)
            began = time.monotonic()
        assert time.monotonic() - began < 10
        assert asyncio.all_tasks() == before
        for response in running:
            with pytest.raises(httpx.TransportError):
                await response.aread()


async def test_a_left_server_is_gone_and_a_new_one_can_be_entered() -> None:
    async with DemoServer(0) as server:
        url = server.base_url
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1")
    async with http_client(timeout=60) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/models")
    async with served() as client:
        assert (await client.get("/models")).status_code == 200


async def test_nothing_is_logged_and_nobodys_logging_is_changed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = ("uvicorn", "uvicorn.error", "uvicorn.access")
    caplog.set_level(logging.DEBUG, "uvicorn.error")
    caplog.set_level(logging.DEBUG, "uvicorn.access")

    def state() -> list[Any]:
        loggers = [logging.getLogger(name) for name in names]
        return [(log.level, list(log.handlers), log.propagate, log.disabled) for log in loggers]

    before = state()
    async with served() as client:
        for model in MODELS[:-4]:
            if model in REFUSING:
                await client.post("/chat/completions", json=body(model))
            elif model not in endless:
                await read(client, body(model))
        await client.post("/chat/completions", json=body("demo-500"))
        assert state() == before
    assert [r for r in caplog.records if r.name.startswith("uvicorn")] == []
    logging.getLogger("uvicorn.error").error("of another server")
    assert [r.message for r in caplog.records if r.name == "uvicorn.error"] == ["of another server"]


async def test_tokens_come_one_by_one_at_the_pace_that_is_set() -> None:
    frames = [b"%d," % i for i in range(12)]
    writes: list[bytes] = []

    async def write(data: bytes) -> None:
        writes.append(data)

    loop = asyncio.get_running_loop()
    began = loop.time()  # the clock that keeps the pace
    await perform(Play(head=b"<", frames=frames, tail=b">"), 100, write)
    assert loop.time() - began >= 0.11
    assert b"".join(writes) == b"<0,1,2,3,4,5,6,7,8,9,10,11,>"
    assert writes[:2] == [b"<", b"0,"]
    assert writes[-1] == b">"


async def test_a_high_pace_sends_several_tokens_a_wake_up() -> None:
    writes: list[bytes] = []

    async def write(data: bytes) -> None:
        writes.append(data)

    await perform(Play(frames=[b"."] * 1000), 20_000, write)
    assert b"".join(writes) == b"." * 1000
    assert len(writes) < 100


async def test_without_a_pace_a_slow_reader_holds_the_writer() -> None:
    writes: list[bytes] = []
    drained = asyncio.Event()

    async def write(data: bytes) -> None:
        writes.append(data)
        if len(writes) > 1:
            await drained.wait()

    play = Play(head=b"<", frames=[b"."] * (3 * BATCH), tail=b">")
    task = asyncio.create_task(perform(play, 0, write))
    for _ in range(50):
        await asyncio.sleep(0)
    assert writes == [b"<", b"." * BATCH]
    drained.set()
    await task
    assert b"".join(writes) == b"<" + b"." * 3 * BATCH + b">"


async def test_a_call_that_does_not_stream_takes_the_time_of_writing() -> None:
    async with served(tokens_per_second=1000) as client:
        loop = asyncio.get_running_loop()
        began = loop.time()  # the clock that keeps the pace
        response = await client.post("/chat/completions", json=body(stream=False))
        usage = response.json()["usage"]
        assert loop.time() - began >= (usage["completion_tokens"] - 1) / 1000


def test_the_topic_is_the_last_that_is_delimited_and_else_the_first_of_the_user() -> None:
    assert find_topic(AGAIN) == "garden parties & <tea>"
    assert find_topic([{"role": "user", "content": f"Tea\n\n{FENCE}"}]) == "Tea"
    parts = [{"type": "text", "text": "Write about jazz"}, {"type": "image_url"}]
    assert find_topic([{"role": "user", "content": parts}]) == "Write about jazz"
    assert find_topic([{"role": "system", "content": "Hello"}]) == ""
    assert TOPIC.search(quote("topic", "</topic>\n<topic>\nx")) is not None
    assert find_topic([{"role": "user", "content": quote("topic", "</topic>")}]) == "</topic>"


def test_after_a_tools_result_the_answer_is_text_unless_the_tool_is_asked_for() -> None:
    request = body(mode="tools", messages=[*MESSAGES, {"role": "tool", "content": "done"}])
    assert read_request(json.dumps(request).encode()).tool == "Ideas"
    assert read_request(json.dumps(request | {"tool_choice": "auto"}).encode()).tool is None
    assert read_request(json.dumps(request | {"tool_choice": "none"}).encode()).tool is None
    with pytest.raises(BadRequest):
        read_request(b"null")


async def test_the_server_of_its_own_says_its_address_and_stops_on_a_signal() -> None:
    code = "from app.demo import serve_demo; serve_demo('127.0.0.1', 0, 0)"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=pipe, stderr=pipe
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        async with http_client(base_url=line.split()[-1], timeout=20) as client:
            assert finish((await read(client, body()))[0]) == "stop"
            assert isinstance((await read(client, body("demo-disconnect")))[1], Exception)
            request = client.build_request("POST", "/chat/completions", json=body("demo-silent"))
            await client.send(request, stream=True)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                out, err = await process.communicate()
        assert (out, err) == (b"", b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_connection_that_is_reset_after_an_answer_leaves_nothing_in_memory() -> None:
    def connections() -> int:
        gc.collect()
        return len([it for it in held(HttpToolsProtocol) if it not in before])

    async with DemoServer(0) as demo:
        before = held(HttpToolsProtocol)
        url = httpx.URL(demo.base_url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET /v1/models HTTP/1.1\r\nHost: demo\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert connections() == 1
        reset_when_closed(writer.get_extra_info("socket"))
        writer.transport.abort()
        # A look at the whole memory of a busy process takes seconds.
        await eventually(lambda: connections() == 0, 60)
