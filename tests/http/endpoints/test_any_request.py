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

from app.http.endpoints.options import Options
from app.views.specs import VIEWS
from tests.support.http_client import http_client
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
        client = http_client(base_url=service.url, timeout=30)
        runner.run(stack.enter_async_context(client))
        yield Caller(runner, client)
        runner.run(stack.aclose())


of_bodies = ("topic", "count", "genre", "schema", "messages", "forwardedProps", "threadId")
words = st.sampled_from([*of_bodies, *Options.model_fields])
views = st.sampled_from(list(VIEWS))
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


messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.just("user") | values},
        optional={
            key: st.lists(
                st.fixed_dictionaries({"type": st.just("text")}, optional={"text": values})
            )
            | values
            for key in ("parts", "content")
        },
    )
    | values,
    max_size=3,
)
front_ends = st.fixed_dictionaries(
    {"messages": messages | values},
    optional={
        "schema": names | values,
        "count": values,
        "threadId": values,
        "runId": values,
        "forwardedProps": objects | values,
    },
)


@some
@given(path=posted, view=st.sampled_from(["ui-message", "ag-ui"]), body=front_ends)
def test_any_json_of_a_front_end(caller: Caller, path: str, view: str, body: Any) -> None:
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    caller.check("POST", f"{path}?view={view}", content=content, headers=headers)


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
    call=st.sampled_from(["GET /ideas", "GET /briefs", "POST /streams", "GET /streams/c4n4ry"]),
)
def test_any_query(caller: Caller, pairs: list[tuple[str, str]], rest: str, call: str) -> None:
    method, path = call.split()
    query = urlencode(pairs, errors="surrogatepass")
    body = {"schema": "ideas", "topic": "tea", "count": 1} if method == "POST" else None
    caller.check(method, f"{path}?{query}&{rest}", json=body)


@some
@given(
    view=views,
    resumable=st.booleans(),
    accept=st.sampled_from(["*/*", "application/json", "application/x-ndjson", CANARY]),
    path=st.sampled_from(["/ideas", "/briefs"]),
)
def test_any_view(caller: Caller, path: str, view: str, resumable: bool, accept: str) -> None:
    query = urlencode({"topic": "tea", "view": view, "resumable": resumable})
    caller.check("GET", f"{path}?{query}", headers={"Accept": accept})


@some
@given(parts=st.lists(canaries | words | names | st.text(max_size=5), max_size=3))
@pytest.mark.parametrize("call", ["GET /", "GET /streams/", "DELETE /streams/"])
def test_any_path(caller: Caller, parts: list[str], call: str) -> None:
    method, root = call.split()
    path = "/".join(quote_plus(part, errors="surrogatepass") for part in parts)
    caller.check(method, f"{root}{path.lstrip('/')}")


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


# What a header may hold: the server refuses controls, for a client that lets one send them.
sendable = st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"])
ids = st.from_regex(r"[0-9A-Za-z]{1,32}-[0-9]{1,20}", fullmatch=True) | st.text(
    sendable, max_size=70
)
calls = st.sampled_from(["GET /ideas", "POST /ideas", "POST /streams", "GET /streams/x"])


@some
@given(id=ids, call=calls)
def test_any_event_to_come_back_to(caller: Caller, id: str, call: str) -> None:
    method, path = call.split()
    given = (id + CANARY).encode("latin-1")
    caller.check(method, path, headers=[(b"Last-Event-ID", given)])
    caller.check(method, f"{path}?{urlencode({'last_event_id': id + CANARY})}")


@some
@given(
    key=st.text(sendable, max_size=260),
    call=st.sampled_from(["GET /ideas?topic=tea", "POST /ideas"]),
)
def test_any_idempotency_key(caller: Caller, key: str, call: str) -> None:
    method, path = call.split()
    headers = [(b"Idempotency-Key", (key + CANARY).encode("latin-1"))]
    body = {"topic": "tea", "count": 1}
    caller.check(method, path, headers=headers, json=body if method == "POST" else None)
