"""What holds of the reader of a provider's answers, whatever bytes come, and however they are cut.

    data = (which API and mode) (how it is cut) (the bytes)

It raises nothing but the service's own errors. The text, the finish reason, the usage, the
reasoning and the error are the same for all cuts. It waits for nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from instructor import Mode, Provider

from app.errors import ServiceError
from app.providers.anthropic.reader import AnthropicReader
from app.providers.base import Finish, Tokens
from app.providers.completion import Reader, StreamedCompletion
from app.providers.handlers import handlers
from app.providers.openai.reader import OpenAIReader
from tests.providers import test_anthropic_reader as anthropic
from tests.providers import test_odd_streams as odd
from tests.streams import test_real_answers as real
from tests.support import clock

HEAD = 2
LONGEST = 8192
SHORT = 400

Make = Callable[[bool], Reader]


class Api(NamedTuple):
    """Whose answers are read: by which API, and whether a tool was offered."""

    provider: Provider
    make: Make
    in_tools: bool


APIS = [
    Api(provider, make, in_tools)
    for provider, make in (
        (Provider.OPENAI, lambda in_tools: OpenAIReader(in_tools=in_tools)),
        (Provider.ANTHROPIC, lambda in_tools: AnthropicReader(in_tools=in_tools)),
    )
    for in_tools in (True, False)
]


class Read(NamedTuple):
    """What an answer comes to. error: its class and what the log is told of it."""

    text: str
    reasoning: str
    finish: Finish | None
    word: str | None
    usage: Tokens | None
    error: tuple[type[ServiceError], str | None] | None


def check(data: bytes) -> None:
    """Read it at once and in pieces. Raises AssertionError where a promise is broken."""
    if HEAD <= len(data) <= LONGEST:
        clock.run(_check(data))


async def _check(data: bytes) -> None:
    api, random, answer = APIS[data[0] % len(APIS)], Random(data[1]), data[HEAD:]
    at_once = await read(api, [answer])
    for cut in _cuts(answer, random):
        assert await read(api, cut) == at_once, cut


async def read(api: Api, cut: list[bytes]) -> Read:
    """What comes of an answer that comes in these reads."""
    reasoned: list[str] = []
    mode = Mode.TOOLS if api.in_tools else Mode.JSON
    extract: Any = handlers(api.provider, mode).stream_extractor_async
    received = asyncio.get_running_loop().create_future()
    reader = api.make(api.in_tools)
    completion = StreamedCompletion(_body(cut), received, extract, reader)

    async def on_reasoning(text: str) -> None:
        reasoned.append(text)

    completion.on_reasoning = on_reasoning
    text, error = "", None
    try:
        async for piece in completion:
            text += piece
    except ServiceError as raised:
        error = type(raised), raised.cause
    said = "".join(reasoned)
    return Read(text, said, completion.finish, completion.finish_word, completion.usage, error)


async def _body(cut: list[bytes]) -> AsyncIterator[bytes]:
    for piece in cut:
        yield piece


def _cuts(data: bytes, random: Random) -> Iterator[list[bytes]]:
    """Some ways to cut it, and each byte by itself if that does not take too long."""
    for count in (1, 2, 5, 20):
        places = sorted(random.randint(0, len(data)) for _ in range(count))
        ends = pairwise([0, *places, len(data)])
        yield [data[start:end] for start, end in ends if start < end]
    if len(data) <= SHORT:
        yield [data[at : at + 1] for at in range(len(data))]


# -- what is tried ------------------------------------------------------------------------------


def seeds() -> Iterator[bytes]:
    """Answers of the shapes that providers really send, and that they fail with."""
    chats = [*odd.CONTENT.values(), *odd.CALLS.values(), *(data for data, _ in odd.ERRORS.values())]
    chats += [*real.BYTES.values(), *(data for data, _ in real.CODES.values())]
    chats += [real.said(text) + odd.end() for text in real.TEXTS.values()]
    messages = [*anthropic.CALLS.values(), *anthropic.TEXTS.values()]
    for index, answers in ((0, chats), (1, chats), (2, messages), (3, messages)):
        for answer in answers:
            if len(answer) <= LONGEST - HEAD:
                yield bytes([index, len(answer) % 256]) + answer


@cache
def known() -> tuple[bytes, ...]:
    return tuple(seeds())


ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 5.5, 1e999, 10**30, "", " ", "null", "x" * 300),
    *("\ud83d", "\ude00", "\ufffd", "{", "}", '{"a": 1}', "<think>", "</think>"),
    *([], {}, [None], [[]], [{}], {"text": "x"}, {"": ""}),
    *("stop", "tool_calls", "length", "error", "end_turn", "max_tokens", "refusal"),
]
"""Values that a field may have that had another one."""

WORDS: list[bytes] = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"data:", b"data: ", b"event: ", b"error:", b": hi\n"),
    *(b"event: error\n", b"event: ping\n", b"id: 7\n", b"[DONE]", b"data: [DONE]\n\n"),
    *(b"null", b"{", b"}", b"[", b"]", b"}{", b'"', b"\\", b"\\u", b"\\ud83d"),
    *(b"\xff", b"\xef\xbb\xbf", b"\0", b"[" * 500),
]
"""Bytes that mean something to a reader."""


def mutated(data: bytes, random: Random) -> bytes:
    """Another answer, by a few changes of one."""
    answer = data[HEAD:]
    for _ in range(random.randint(1, 4)):
        answer = random.choice(_CHANGES)(answer, random)
    return (data[:HEAD] + answer)[:LONGEST]


def _insert(answer: bytes, random: Random) -> bytes:
    at = random.randint(0, len(answer))
    return answer[:at] + random.choice(WORDS) + answer[at:]


def _cut_out(answer: bytes, random: Random) -> bytes:
    at = random.randint(0, len(answer))
    return answer[:at] + answer[at + random.randint(1, 20) :]


def _repeat(answer: bytes, random: Random) -> bytes:
    at, size = random.randint(0, len(answer)), random.randint(1, 200)
    return answer[: at + size] + answer[at:]


def _splice(answer: bytes, random: Random) -> bytes:
    other = random.choice(known())[HEAD:]
    return answer[: random.randint(0, len(answer))] + other[random.randint(0, len(other)) :]


def _flip(answer: bytes, random: Random) -> bytes:
    if not answer:
        return answer
    at = random.randrange(len(answer))
    return answer[:at] + bytes([random.randrange(256)]) + answer[at + 1 :]


_JSON = re.compile(rb"(?<=data: )\{.*\}$", re.MULTILINE)


def _change_field(answer: bytes, random: Random) -> bytes:
    """Give one field of one event another value."""
    events = list(_JSON.finditer(answer))
    if not events:
        return answer
    found = random.choice(events)
    try:
        value = json.loads(found[0])
    except (ValueError, RecursionError):
        return answer
    _set_one(value, random)
    return answer[: found.start()] + json.dumps(value).encode() + answer[found.end() :]


def _set_one(value: Any, random: Random) -> None:
    """Change one place in a value: it, or another one below it."""
    places = list(_places(value))
    if places:
        holder, key = random.choice(places)
        holder[key] = random.choice([*ODD, holder[key], [holder[key]], {"x": holder[key]}])


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(pairs):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


_CHANGES = [_insert, _cut_out, _repeat, _splice, _flip, _change_field, _change_field, _change_field]
