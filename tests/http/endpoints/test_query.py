"""Query strings: the options of every call that streams, and the parameters of a GET."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.demo import MODELS
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.raw import exchange
from tests.support.service import Service, running
from tests.support.upstream import HEAD, end, saying, text, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "c4n4ry"
BODY = {"topic": "tea", "count": 1}


def check(answer: httpx.Response, *errors: tuple[str, str], status: int = 422) -> None:
    """The answer is a short problem with these errors, and holds no canary."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, "invalid_request")
    assert [(error["path"], error["message"]) for error in body["errors"]] == list(errors)
    assert len(answer.content) < 1024
    assert CANARY not in answer.text


async def prompt(query: str = "", path: str = "/ideas", **call: Any) -> str:
    """What the model is asked by a GET with this query, or by another call."""
    answer = HEAD + text('{"items": [') + end()
    async with (
        upstream(saying(answer)) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60) as client,
    ):
        response = await client.request(
            **{"method": "GET", "url": service.url + path + query, **call}
        )
        assert response.status_code == 200, response.text
        return str(provider.exchanges[0].body["messages"][-1]["content"])


# Options


VIEW = "must be 'snapshot', 'delta', 'items', 'text', 'ui-message' or 'ag-ui'"

wrong_options = [
    ("interval_ms=-1", ("/interval_ms", "must be at least 0")),
    ("interval_ms=5001", ("/interval_ms", "must be at most 5000")),
    ("interval_ms=c4n4ry", ("/interval_ms", "must be a whole number")),
    ("interval_ms=0.5", ("/interval_ms", "must be a whole number")),
    ("interval_ms=NaN", ("/interval_ms", "must be a whole number")),
    ("interval_ms=", ("/interval_ms", "must be a whole number")),
    ("interval_ms=" + "9" * 5000, ("/interval_ms", "must be a whole number")),
    ("view=c4n4ry", ("/view", VIEW)),
    ("view=Delta", ("/view", VIEW)),
    ("view=delta,items", ("/view", VIEW)),
    ("view=", ("/view", VIEW)),
    ("resumable=c4n4ry", ("/resumable", "must be true or false")),
    ("resumable=2", ("/resumable", "must be true or false")),
    ("resumable=", ("/resumable", "must be true or false")),
    ("resumable", ("/resumable", "must be true or false")),
    ("model=c4n4ry", ("/model", f"must be one of {', '.join(MODELS)}")),
    ("model=", ("/model", f"must be one of {', '.join(MODELS)}")),
    ("c4n4ry=1", ("", "has an unknown key")),
    ("Interval_ms=1", ("", "has an unknown key")),
    ("=1", ("", "has an unknown key")),
    ("interval_ms=1&interval_ms=1", ("", "has a key twice")),
    ("interval_ms=1&interval%5Fms=2", ("", "has a key twice")),
    ("c4n4ry&c4n4ry", ("", "has a key twice")),
    ("view=snapshot&view=snapshot", ("", "has a key twice")),
    ("resumable=true&resumable=true", ("", "has a key twice")),
    ("last_event_id=c4n4ry&last_event_id=c4n4ry", ("", "has a key twice")),
    ("api_key=c4n4ry", ("", "has an unknown key")),
    ("model=%ff", ("", "must be valid UTF-8")),
    ("%ff=1", ("", "must be valid UTF-8")),
]


calls_that_stream = ["GET /ideas", "POST /ideas", "POST /streams", "GET /streams/{id}"]


async def call(client: httpx.AsyncClient, call: str, query: str, **headers: str) -> httpx.Response:
    """The answer of a call that streams, with this query; an `{id}` is that of a kept stream."""
    method, path = call.split()
    if path == "/streams/{id}":
        kept = await client.get("/ideas?topic=tea&count=1&resumable=true")
        path = kept.headers["location"]
    if method == "GET":
        query = f"topic=tea&count=1&{query}" if path == "/ideas" else query
        return await client.get(f"{path}?{query}", headers=headers)
    body = BODY | ({"schema": "ideas"} if path == "/streams" else {})
    return await client.post(f"{path}?{query}", json=body, headers=headers)


@pytest.mark.parametrize(("query", "error"), wrong_options)
@pytest.mark.parametrize("where", calls_that_stream)
async def test_a_wrong_option_is_refused_on_every_call(
    client: httpx.AsyncClient, where: str, query: str, error: tuple[str, str]
) -> None:
    check(await call(client, where, query), error)


@pytest.mark.parametrize(("query", "error"), wrong_options)
async def test_a_wrong_option_is_refused_in_whatever_format_or_view(
    client: httpx.AsyncClient, query: str, error: tuple[str, str]
) -> None:
    alone = {"Accept": "application/json"}
    check(await client.get(f"/ideas?topic=tea&{query}", headers=alone), error)
    if "view=" not in query:
        check(await client.get(f"/ideas?topic=tea&view=text&{query}"), error)


@pytest.mark.parametrize(("query", "error"), wrong_options)
@pytest.mark.parametrize("where", calls_that_stream)
async def test_a_wrong_option_is_refused_where_a_reader_comes_back(
    client: httpx.AsyncClient, where: str, query: str, error: tuple[str, str]
) -> None:
    headers = {"Last-Event-ID": f"{'0' * 32}-1"}
    check(await call(client, where, query, **headers), error)


@pytest.mark.parametrize(
    "query",
    [
        "interval_ms=0",
        "interval_ms=5000",
        "view=snapshot&resumable=false",
        "view=delta&resumable=true",
        "view=items&resumable=1",
        "view=text",
        "view=ui%2Dmessage",
        "view=ag-ui",
        "resumable=TRUE",
        "resumable=0",
        "model=demo",
        "reasoning=true",
        "reasoning=false",
        "last_event_id=",
        "&&interval_ms=%30&",
    ],
)
@pytest.mark.parametrize("where", calls_that_stream)
async def test_a_right_option_is_taken_on_every_call(
    client: httpx.AsyncClient, where: str, query: str
) -> None:
    assert (await call(client, where, query)).status_code == 200


async def test_items_of_what_is_no_list_are_refused(client: httpx.AsyncClient) -> None:
    error = ("/view", "is for lists without validators")
    body = {"topic": "tea"}
    check(await client.get("/briefs?topic=tea&view=items"), error)
    check(await client.post("/briefs?view=items", json=body), error)
    check(await client.post("/streams?view=items", json={"schema": "briefs", **body}), error)


async def test_items_of_a_stream_that_is_no_list_are_refused(client: httpx.AsyncClient) -> None:
    kept = (await client.get("/briefs?topic=tea&resumable=true")).headers["location"]
    assert (await client.get(f"{kept}?view=delta")).status_code == 200
    for headers in ({}, {"Last-Event-ID": f"{kept.removeprefix('/streams/')}-0"}):
        answer = await client.get(f"{kept}?view=items", headers=headers)
        check(answer, ("/view", "is for lists without validators"))


@pytest.mark.parametrize(
    ("query", "kept"),
    [("", False), ("&resumable=false", False), ("&resumable=off", False), ("&resumable=yes", True)],
)
async def test_resumable_is_told_from_words(
    client: httpx.AsyncClient, query: str, kept: bool
) -> None:
    location = (await client.get(f"/ideas?topic=tea&count=1{query}")).headers["location"]
    assert (await client.get(location)).status_code == (200 if kept else 410)


async def test_parameters_of_the_schema_are_unknown_keys_where_there_is_a_body(
    client: httpx.AsyncClient,
) -> None:
    for key in ("topic=tea", "count=5", "schema=ideas"):
        check(await client.post(f"/ideas?{key}", json=BODY), ("", "has an unknown key"))


async def test_of_thousands_of_unknown_keys_one_flaw_is_told(client: httpx.AsyncClient) -> None:
    query = "&".join(f"c4n4ry{i}=1" for i in range(3000))
    check(await client.get(f"/ideas?topic=tea&{query}"), ("", "has an unknown key"))
    check(await client.post(f"/ideas?{query}", json=BODY), ("", "has an unknown key"))


async def test_a_model_is_chosen_among_those_configured_and_the_first_is_the_default() -> None:
    answer = HEAD + text('{"items": [{"title": "a", "blurb": "b"}]}') + end()
    settings = {"models": ("large", "small"), "model": "small"}
    async with (
        upstream(saying(answer)) as provider,
        running(openai_base_url=provider.base_url, **settings) as service,
        http_client(timeout=60) as client,
    ):
        for query, model in (("", "small"), ("&model=small", "small"), ("&model=large", "large")):
            stream = await client.get(f"{service.url}/ideas?topic=tea{query}")
            assert messages(stream.content)[0].data["model"] == model
            assert provider.exchanges[-1].body["model"] == model
        refusal = await client.get(f"{service.url}/ideas?topic=tea&model=demo")
        check(refusal, ("/model", "must be one of small, large"))
        assert len(provider.exchanges) == 3


# A GET's parameters


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("", [("/topic", "is required")]),
        ("count=5", [("/topic", "is required")]),
        ("topic", [("/topic", "must have at least 1 characters")]),
        ("topic=", [("/topic", "must have at least 1 characters")]),
        ("topic=+%20%09%0A", [("/topic", "must have at least 1 characters")]),
        ("topic=" + "c4n4ry".ljust(501, "!"), [("/topic", "must have at most 500 characters")]),
        ("topic=tea&count=abc", [("/count", "must be a whole number")]),
        ("topic=tea&count=", [("/count", "must be a whole number")]),
        ("topic=tea&count=1e1", [("/count", "must be a whole number")]),
        ("topic=tea&count=2.5", [("/count", "must be a whole number")]),
        ("topic=tea&count=0", [("/count", "must be at least 1")]),
        ("topic=tea&count=21", [("/count", "must be at most 20")]),
        ("topic=tea&count=1;count=2", [("/count", "must be a whole number")]),
        ("topic=tea&topic=c4n4ry", [("", "has a key twice")]),
        ("topic=tea&Topic=c4n4ry", [("", "has an unknown key")]),
        ("topic%00=tea", [("/topic", "is required"), ("", "has an unknown key")]),
        ("topic=c4n4ry&token=1", [("", "has an unknown key")]),
        ("topic=c4n4ry%ff", [("", "must be valid UTF-8")]),
        ("topic=%ed%a0%80", [("", "must be valid UTF-8")]),
        ("topic=%c0%af", [("", "must be valid UTF-8")]),
        ("topic=%f4%90%80%80", [("", "must be valid UTF-8")]),
    ],
)
async def test_wrong_parameters_are_refused_and_told_where(
    client: httpx.AsyncClient, query: str, errors: list[tuple[str, str]]
) -> None:
    check(await client.get(f"/ideas?{query}"), *errors)


async def test_who_comes_back_need_not_say_again_what_was_asked_for(
    client: httpx.AsyncClient,
) -> None:
    kept = await client.get("/ideas?topic=tea&count=1&resumable=true")
    begun = {"Last-Event-ID": messages(kept.content)[0].id or ""}
    for query in ("", "?topic=", "?topic=other&count=100", "?model=demo-invalid"):
        again = await client.get(f"/ideas{query}", headers=begun)
        assert again.headers["location"] == kept.headers["location"]
    check(await client.get("/ideas?topic=&c4n4ry=1", headers=begun), ("", "has an unknown key"))
    for content in (b"", b"{", b'{"c4n4ry": 1}'):
        again = await client.post("/ideas", headers=begun, content=content)
        assert again.headers["location"] == kept.headers["location"]
    check(await client.post("/ideas?topic=tea", headers=begun), ("", "has an unknown key"))


@pytest.mark.parametrize(
    ("query", "topic"),
    [
        ("?topic=tea", "tea"),
        ("?topic=%20%09green+tea%0a", "green tea"),
        ("?topic=caf%C3%A9%20%F0%9F%8D%B5", "café 🍵"),
        ("?topic=a%26b%3Dc%3Bd", "a&amp;b=c;d"),
        ("?topic=a;b", "a;b"),
        ("?topic=100%", "100%"),
        ("?topic=%zz", "%zz"),
        ("?topic=%00", "\0"),
        ("?topic=++" + "é" * 500 + "++", "é" * 500),
    ],
)
async def test_a_topic_reaches_the_model_trimmed_and_decoded(query: str, topic: str) -> None:
    assert f"<topic>\n{topic}\n</topic>" in await prompt(query)


@pytest.mark.parametrize(
    ("query", "count"), [("", 5), ("&count=5", 5), ("&count=01", 1), ("&count=20", 20)]
)
async def test_a_count_is_made_of_text_and_has_a_default(query: str, count: int) -> None:
    assert f"Suggest {count} ideas" in await prompt("?topic=tea" + query)


async def test_a_get_and_a_post_ask_the_model_the_same() -> None:
    parameters = {"topic": "space & time", "genre": "science fiction", "count": 3}
    query = await prompt("?" + str(httpx.QueryParams(parameters)), "/movies")
    assert query == await prompt(path="/movies", method="POST", json=parameters)
    named = {"schema": "movies", **parameters}
    assert query == await prompt(path="/streams", method="POST", json=named)
    assert "Recommend 3 movies" in query


async def test_a_topic_in_bytes_that_no_url_may_hold_is_a_400(service: Service) -> None:
    """curl sends what it is given: `curl --data-urlencode topic=café -G` is the way."""
    head = "GET /ideas?topic=café HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = await exchange(service.url, head.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_no_wrong_query_reaches_the_provider(
    client: httpx.AsyncClient, service: Service
) -> None:
    async def begun() -> list[str]:
        lines = (await client.get("/metrics")).text.splitlines()
        return [line for line in lines if line.startswith("streams_")]

    before = await begun()
    for query, _ in wrong_options:
        await client.get(f"/ideas?topic=tea&{query}")
    assert await begun() == before
    assert len(service.streams) == 0


async def test_query_keys_of_calls_that_do_not_stream_are_let_be(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/schemas", "/schemas/ideas", "/healthz", "/readyz", "/metrics", "/docs"):
        assert (await client.get(f"{path}?c4n4ry=1&c4n4ry=%ff")).status_code == 200
    kept = (await client.get("/ideas?topic=tea&count=1&resumable=true")).headers["location"]
    assert (await client.delete(f"{kept}?c4n4ry=1&c4n4ry=%ff")).status_code == 204
