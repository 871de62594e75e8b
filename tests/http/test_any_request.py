"""Whatever is sent: never a fault, a short answer, and nothing of what was sent in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.service import running

CANARY = "c4n4ry"
some = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Caller:
    """Calls a real service; `check` looks at each answer."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def check(self, method: str, path: str, **call: Any) -> None:
        answer = self._runner.run(self._client.request(method, path, **call))
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert len(answer.content) < 4096
            assert CANARY not in answer.text.lower()
            assert CANARY not in str(answer.headers).lower()


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()
        service = runner.run(stack.enter_async_context(running()))
        client = httpx.AsyncClient(base_url=service.url, timeout=30)
        runner.run(stack.enter_async_context(client))
        yield Caller(runner, client)
        runner.run(stack.aclose())


words = st.sampled_from(["topic", "count", "genre", "schema", "model", "view", "interval_ms"])
names = st.sampled_from(["ideas", "movies", "briefs", "tea"])
surrogates = st.characters(categories=["Cs"])
canaries = st.text(max_size=5).map(lambda text: f"{text}{CANARY}{text}")
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | canaries
    | surrogates
    | names
    | st.sampled_from([5, "5", "", " ", 10**400, "x" * 501])
)
keys = words | canaries | surrogates | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=10,
)
objects = st.fixed_dictionaries(
    {},
    optional={"topic": values, "count": values, "genre": values, "schema": names | values},
).flatmap(lambda known: st.dictionaries(keys, values, max_size=2).map(lambda more: more | known))
posted = st.sampled_from(["/ideas", "/movies", "/briefs", "/streams"])


@some
@given(path=posted, body=objects | values, ascii=st.booleans())
def test_any_json_in_a_body(caller: Caller, path: str, body: Any, ascii: bool) -> None:
    text = json.dumps(body, ensure_ascii=ascii)
    content = text.encode("utf-8", "surrogatepass")
    caller.check("POST", path, content=content, headers={"Content-Type": "application/json"})


@some
@given(path=posted, start=st.sampled_from([b"", b"{", b'{"topic": "']), more=st.binary())
def test_any_bytes_in_a_body(caller: Caller, path: str, start: bytes, more: bytes) -> None:
    content = start + more + CANARY.encode()
    caller.check("POST", path, content=content, headers={"Content-Type": "application/json"})


pairs = st.lists(st.tuples(keys, scalars.map(str)), max_size=5)
ascii_only = st.text("%=&;+/?:@!$'()*,-._~09afFtopicun", max_size=40)


@some
@given(
    pairs=pairs,
    rest=ascii_only,
    call=st.sampled_from(["GET /ideas", "GET /briefs", "POST /streams"]),
)
def test_any_query(caller: Caller, pairs: list[tuple[str, str]], rest: str, call: str) -> None:
    method, path = call.split()
    query = urlencode(pairs, errors="surrogatepass")
    body = {"schema": "ideas", "topic": "tea", "count": 1} if method == "POST" else None
    caller.check(method, f"{path}?{query}&{rest}", json=body)


@some
@given(parts=st.lists(canaries | words | names | st.text(max_size=5), max_size=3))
def test_any_path(caller: Caller, parts: list[str]) -> None:
    path = "/".join(quote_plus(part, errors="surrogatepass") for part in parts)
    caller.check("GET", f"/{path.lstrip('/')}")


@some
@given(
    name=st.sampled_from(["Accept", "Content-Type", "X-Request-ID", "Origin"]),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    tail=st.sampled_from(["", CANARY, f";q={CANARY}", f", {CANARY}/*"]),
)
def test_any_header(caller: Caller, name: str, value: str, tail: str) -> None:
    if name in ("X-Request-ID", "Origin"):
        tail = ""  # these are sent back where they are well-formed
    caller.check("POST", "/ideas", headers={name: value + tail}, json={"topic": "tea", "count": 1})
