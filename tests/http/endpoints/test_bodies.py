"""Bodies that are no parameters: a 4xx with a short answer that holds nothing of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.schemas.registry import Registry, load
from tests.support.http_client import http_client
from tests.support.raw import exchange
from tests.support.schema_files import schema, write
from tests.support.service import Service, eventually, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 65536
CANARY = "c4n4ry"
KEYS = ",".join(f'"{CANARY}{i}": {i}' for i in range(3000))

no_json: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "half an object": b'{"topic": "c4n4ry"',
    "no JSON": b"topic=c4n4ry",
    "NaN": b'{"topic": "c4n4ry", "count": NaN}',
    "NaN in an unknown key": b'{"topic": "c4n4ry", "x": [NaN]}',
    "Infinity": b'{"topic": "c4n4ry", "count": Infinity}',
    "-Infinity": b'{"topic": "c4n4ry", "count": -Infinity}',
    "a lone surrogate": b'{"topic": "c4n4ry \\ud800"}',
    "a lone low surrogate": b'{"topic": "c4n4ry \\udc00\\ud83d"}',
    "a lone surrogate in a key": b'{"topic": "c4n4ry", "\\ud800": 1}',
    "invalid UTF-8": b'{"topic": "c4n4ry \xff"}',
    "a surrogate in UTF-8": b'{"topic": "c4n4ry \xed\xa0\x80"}',
    "a BOM": b'\xef\xbb\xbf{"topic": "c4n4ry"}',
    "UTF-16": '{"topic": "c4n4ry"}'.encode("utf-16"),
    "a key twice": b'{"topic": "c4n4ry", "topic": "tea"}',
    "an unknown key twice": b'{"topic": "tea", "c4n4ry": 1, "c4n4ry": 1}',
    "a key twice, deep down": b'{"topic": {"c4n4ry": 1, "c4n4ry": 1}}',
    "deep nesting": b"[" * 30_000,
    "deep nesting that ends": b'{"topic": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "a nesting over the limit": b'{"topic": ' + b"[" * 200 + b"]" * 200 + b"}",
    "deep objects": b'{"topic": ' + b'{"a": ' * 9000 + b"1" + b"}" * 9000 + b"}",
    "a number of 60,000 digits": b'{"topic": "c4n4ry", "count": ' + b"9" * 60_000 + b"}",
    "more after the object": b'{"topic": "c4n4ry"} {}',
    "single quotes": b"{'topic': 'c4n4ry'}",
    "a trailing comma": b'{"topic": "c4n4ry",}',
    "a comment": b'{"topic": "c4n4ry" /* tea */}',
    "a line break in a string": b'{"topic": "c4n4ry\n"}',
    "NUL": b"\0",
}

no_object: dict[str, bytes] = {
    "null": b"null",
    "a number": b"13",
    "a string": b'"c4n4ry"',
    "a list": b'["c4n4ry"]',
    "an empty list": b"[]",
    "true": b"true",
}

no_parameters: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "nothing": ("{}", [("/topic", "is required")]),
    "a topic that is a number": ('{"topic": 7}', [("/topic", "must be a string")]),
    "a topic that is null": ('{"topic": null}', [("/topic", "must be a string")]),
    "a topic that is a list": ('{"topic": ["c4n4ry"]}', [("/topic", "must be a string")]),
    "a topic that is an object": ('{"topic": {"c4n4ry": 1}}', [("/topic", "must be a string")]),
    "an empty topic": ('{"topic": ""}', [("/topic", "must have at least 1 characters")]),
    "a blank topic": ('{"topic": " \\t\\n"}', [("/topic", "must have at least 1 characters")]),
    "a topic too long": (
        json.dumps({"topic": "c4n4ry".ljust(501, "!")}),
        [("/topic", "must have at most 500 characters")],
    ),
    "count of 0": ('{"topic": "tea", "count": 0}', [("/count", "must be at least 1")]),
    "count of 21": ('{"topic": "tea", "count": 21}', [("/count", "must be at most 20")]),
    "a count of 4,000 digits": (
        f'{{"topic": "tea", "count": {"9" * 4000}}}',
        [("/count", "must be at most 20")],
    ),
    "a negative count of 4,000 digits": (
        f'{{"topic": "tea", "count": -{"9" * 4000}}}',
        [("/count", "must be at least 1")],
    ),
    "a count beyond doubles": (
        '{"topic": "tea", "count": 1e999}',
        [("/count", "must be a whole number")],
    ),
    "half a count": ('{"topic": "tea", "count": 2.5}', [("/count", "must be a whole number")]),
    "a count of null": ('{"topic": "tea", "count": null}', [("/count", "must be a whole number")]),
    "a count in words": (
        '{"topic": "tea", "count": "c4n4ry"}',
        [("/count", "must be a whole number")],
    ),
    "a count that is a string": (
        '{"topic": "tea", "count": "5"}',
        [("/count", "must be a whole number")],
    ),
    "a count that is true": (
        '{"topic": "tea", "count": true}',
        [("/count", "must be a whole number")],
    ),
    "an unknown key": ('{"topic": "tea", "c4n4ry": 1}', [("", "has an unknown key")]),
    "an empty key": ('{"topic": "tea", "": 1}', [("", "has an unknown key")]),
    "a key with a slash": ('{"topic": "tea", "a/~c4n4ry": 1}', [("", "has an unknown key")]),
    "the schema's name": ('{"topic": "tea", "schema": "ideas"}', [("", "has an unknown key")]),
    "an option": ('{"topic": "tea", "interval_ms": 0}', [("", "has an unknown key")]),
    "two flaws": (
        '{"c4n4ry": 1, "count": 0}',
        [("/topic", "is required"), ("/count", "must be at least 1"), ("", "has an unknown key")],
    ),
    "3,000 unknown keys": (f'{{"topic": "tea", {KEYS}}}', [("", "has an unknown key")]),
}


async def post(
    client: httpx.AsyncClient, content: Any, path: str = "/ideas", kind: str = "application/json"
) -> httpx.Response:
    return await client.post(path, content=content, headers={"Content-Type": kind})


def check(answer: httpx.Response, status: int, code: str = "invalid_request") -> dict[str, Any]:
    """The answer is this problem, short and without a canary in any byte of it; its body."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 512
    assert CANARY.encode() not in b"".join(map(b"".join, answer.headers.raw)) + answer.content
    return body


@pytest.mark.parametrize("path", ["/ideas", "/streams"])
@pytest.mark.parametrize("name", no_json)
async def test_what_is_not_json_is_400(client: httpx.AsyncClient, path: str, name: str) -> None:
    body = check(await post(client, no_json[name], path), 400)
    assert body["detail"] == "The body is not valid JSON."


@pytest.mark.parametrize("path", ["/ideas", "/streams"])
@pytest.mark.parametrize("name", no_object)
async def test_json_that_is_no_object_is_422(
    client: httpx.AsyncClient, path: str, name: str
) -> None:
    body = check(await post(client, no_object[name], path), 422)
    assert body["errors"] == [{"path": "", "message": "must be an object"}]


@pytest.mark.parametrize("name", no_parameters)
async def test_an_object_that_is_no_parameters_is_422_and_says_where(
    client: httpx.AsyncClient, name: str
) -> None:
    content, errors = no_parameters[name]
    body = check(await post(client, content), 422)
    assert [(error["path"], error["message"]) for error in body["errors"]] == errors


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        ("{}", [("/schema", "must be a string")]),
        ('{"schema": 7}', [("/schema", "must be a string")]),
        ('{"schema": null, "topic": "c4n4ry"}', [("/schema", "must be a string")]),
        ('{"schema": "ideas"}', [("/topic", "is required")]),
        ('{"schema": "ideas", "topic": "tea", "c4n4ry": 1}', [("", "has an unknown key")]),
    ],
)
async def test_the_schema_may_be_named_in_the_body(
    client: httpx.AsyncClient, content: str, errors: list[tuple[str, str]]
) -> None:
    body = check(await post(client, content, "/streams"), 422)
    assert [(error["path"], error["message"]) for error in body["errors"]] == errors


async def test_an_unknown_schema_in_the_body_is_404_and_told_what_exists(
    client: httpx.AsyncClient,
) -> None:
    answer = await post(client, '{"schema": "c4n4ry", "topic": "tea"}', "/streams")
    body = check(answer, 404, "unknown_schema")
    assert body["detail"].endswith("There are: briefs, ideas, movies, recipes.")


async def test_a_body_with_a_schema_begins_the_same_as_its_endpoint(
    client: httpx.AsyncClient,
) -> None:
    named = await client.post("/streams", json={"schema": "ideas", "topic": "tea", "count": 1})
    direct = await client.post("/ideas", json={"topic": "tea", "count": 1})
    assert named.status_code == direct.status_code == 200
    assert (
        named.text.split("event: done\ndata: ")[1].splitlines()[0]
        == (direct.text.split("event: done\ndata: ")[1].splitlines()[0])
    )


# Size


def sized(length: int) -> bytes:
    return b'{"topic": "tea", "count": 1}'.ljust(length)


async def chunked(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 10_000):
        yield content[at : at + 10_000]


@pytest.mark.parametrize("path", ["/ideas", "/streams"])
async def test_64_kib_and_a_byte_are_too_large(client: httpx.AsyncClient, path: str) -> None:
    check(await post(client, sized(LIMIT + 1), path), 413, "payload_too_large")


async def test_64_kib_and_a_byte_are_too_large_without_a_length(client: httpx.AsyncClient) -> None:
    check(await post(client, chunked(sized(LIMIT + 1))), 413, "payload_too_large")


async def test_64_kib_are_taken_with_and_without_a_length(client: httpx.AsyncClient) -> None:
    assert (await post(client, sized(LIMIT))).status_code == 200
    assert (await post(client, chunked(sized(LIMIT)))).status_code == 200


async def test_100_000_brackets_are_too_large_and_where_they_are_not_no_json(
    client: httpx.AsyncClient,
) -> None:
    check(await post(client, b"[" * 100_000), 413, "payload_too_large")
    async with (
        running(max_body_bytes=1_000_000) as service,
        http_client(timeout=60, base_url=service.url) as other,
    ):
        check(await post(other, b"[" * 100_000), 400)
        check(await post(other, b'{"topic": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 400)


async def test_a_body_too_large_is_refused_before_it_is_sent(service: Service) -> None:
    answer = await exchange(
        service.url,
        b"POST /ideas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: 1000000000000\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"payload_too_large"' in answer


async def test_a_body_that_never_ends_is_cut_at_the_limit(service: Service) -> None:
    answer = await exchange(
        service.url,
        b"POST /ideas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"8000\r\n%b\r\n"
        % (b" " * 0x8000)
        * 3,
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"payload_too_large"' in answer


async def test_a_body_that_does_not_come_in_time_is_refused_and_its_connection_closed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.endpoints.body.SECONDS", 0.1)
    answer = await exchange(
        service.url,
        b"POST /ideas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{",
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert b'"detail":"The request body did not come in time."' in answer


async def test_pages_may_read_that_a_body_is_too_large(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Origin": "http://localhost:3000"}
    answer = await client.post("/ideas", content=sized(LIMIT + 1), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


async def test_a_body_that_nobody_asked_for_is_ignored(client: httpx.AsyncClient) -> None:
    content = b"c4n4ry" * LIMIT
    assert (await client.request("GET", "/schemas", content=content)).status_code == 200
    assert (await client.request("POST", "/sonnets", content=content)).status_code == 404


async def test_a_client_that_leaves_within_its_body_is_no_fault_of_the_service(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    open_before = service.connections
    host, port = service.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /ideas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{"
    )
    await eventually(lambda: service.server.server_state.tasks)
    writer.close()
    await eventually(lambda: service.connections == open_before)
    await eventually(lambda: not service.server.server_state.tasks)
    said = capfd.readouterr()
    assert "broke" not in said.out + said.err
    assert "Traceback" not in said.out + said.err


# Content type


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=c4n4ry",
        "application/json-c4n4ry",
        "application/c4n4ry+json",
        "json",
        ";",
    ],
)
async def test_any_other_content_type_is_415(client: httpx.AsyncClient, kind: str) -> None:
    check(await post(client, b'{"topic": "tea"}', kind=kind), 415, "unsupported_media_type")


async def test_no_content_type_is_415(client: httpx.AsyncClient) -> None:
    check(await client.post("/ideas", content=b"{}"), 415, "unsupported_media_type")
    check(await client.post("/ideas"), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;v=1 ; a"]
)
async def test_parameters_of_the_content_type_are_let_be(
    client: httpx.AsyncClient, kind: str
) -> None:
    answer = await post(client, b'{"topic": "tea", "count": 1}', kind=kind)
    assert answer.status_code == 200


# What other schemas may take


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    source = """
class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str

class Wide(Parameters):
    words: list[int] = []
    places: dict[str, Place] = {}
    either: int | Place = 0
"""
    write(tmp_path, "words.py", source + schema("Word", "Wide"))
    return load(tmp_path)


@pytest.mark.parametrize(
    ("more", "errors"),
    [
        ({"places": {CANARY: {}}}, [("/places", "is required")]),
        ({"places": {"city": {}}}, [("/places/city/city", "is required")]),
        ({"places": {"a": {"city": "b", CANARY: 1}}}, [("/places", "has an unknown key")]),
        ({"words": [1, CANARY]}, [("/words/1", "must be a whole number")]),
        (
            {"either": CANARY},
            [("/either", "must be a whole number"), ("/either", "must be an object")],
        ),
    ],
)
async def test_a_path_ends_above_what_the_client_named(
    registry: Registry, more: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    async with running(registry=registry) as service, http_client(timeout=60) as client:
        answer = await client.post(f"{service.url}/words", json={"topic": "tea", **more})
        body = check(answer, 422)
        assert [(error["path"], error["message"]) for error in body["errors"]] == errors


async def test_of_thousands_of_flaws_a_few_are_named(registry: Registry) -> None:
    async with running(registry=registry) as service, http_client(timeout=60) as client:
        many = {"topic": "tea", "words": [CANARY] * 5000}
        answer = await client.post(f"{service.url}/words", json=many)
        assert answer.status_code == 422
        assert [error["path"] for error in answer.json()["errors"]] == [
            f"/words/{i}" for i in range(20)
        ]
        assert len(answer.content) < 2048
        assert CANARY not in answer.text


DATED = """
class Kind(Enum):
    A = "a"

class Trip(Parameters):
    on: date = date(2026, 1, 1)
    at: datetime | None = None
    price: Decimal = Decimal(0)
    id: UUID | None = None
    site: HttpUrl | None = None
    lasts: timedelta = timedelta()
    kind: Kind = Kind.A
    ratio: float = 0
    nights: int = 0
    tags: set[str] = set()
    pair: tuple[int, str] = (0, "")
"""
IMPORTS = """
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID
from pydantic import HttpUrl
"""


@pytest.fixture
def trips(tmp_path: Path) -> Registry:
    write(tmp_path, "trips.py", IMPORTS + DATED + schema("Word", "Trip"))
    return load(tmp_path)


@pytest.mark.parametrize(
    ("given", "is_right"),
    [
        ({"on": "2026-05-04", "at": "2026-05-04T10:00:00Z", "lasts": "PT5M"}, True),
        ({"price": "1.50", "id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}, True),
        ({"price": 1.5, "site": "https://example.org", "kind": "a"}, True),
        ({"ratio": 3, "nights": 5.0, "tags": ["a", "b"], "pair": [1, "b"]}, True),
        ({"nights": "5"}, False),
        ({"nights": True}, False),
        ({"nights": 5.5}, False),
        ({"nights": 1e300}, False),
        ({"ratio": "3"}, False),
        ({"tags": [1]}, False),
        ({"pair": ["1", "b"]}, False),
        ({"on": "soon"}, False),
    ],
)
async def test_values_have_the_types_of_json_and_strings_the_forms_that_the_schema_says(
    trips: Registry, given: dict[str, Any], is_right: bool
) -> None:
    async with running(registry=trips) as service, http_client(timeout=60) as client:
        for path, body in (("/trips", given), ("/streams", {"schema": "trips", **given})):
            answer = await client.post(service.url + path, json={"topic": "tea", **body})
            assert answer.status_code == (200 if is_right else 422), answer.text


async def test_a_query_has_nothing_but_strings_and_is_read_as_the_types(trips: Registry) -> None:
    async with running(registry=trips) as service, http_client(timeout=60) as client:
        query = "topic=tea&nights=5&ratio=3&on=2026-05-04&price=1.50"
        assert (await client.get(f"{service.url}/trips?{query}")).status_code == 200


async def test_who_gives_an_unknown_key_is_told_which_there_are(client: httpx.AsyncClient) -> None:
    body = check(await post(client, b'{"topic": "tea", "c4n4ry": 1}'), 422)
    assert body["detail"] == "The parameters of ideas are not valid. There are: topic, count."
    body = check(await client.get("/ideas?topic=tea&c4n4ry=1"), 422)
    assert body["detail"] == "The parameters of ideas are not valid. There are: topic, count."
    body = check(await client.post("/ideas?c4n4ry=1", json={"topic": "tea"}), 422)
    assert body["detail"].startswith("The query has an unknown key. There are: view, interval_ms, ")


async def test_a_key_of_the_query_that_stands_in_the_body_is_told_where_it_belongs(
    client: httpx.AsyncClient,
) -> None:
    given = b'{"topic": "tea", "view": "delta", "resumable": true, "c4n4ry": 1}'
    body = check(await post(client, given), 422)
    end = "There are: topic, count. What belongs into the query: view, resumable."
    assert body["detail"] == f"The parameters of ideas are not valid. {end}"


async def test_a_body_whose_schema_is_misspelt_is_told_the_key(client: httpx.AsyncClient) -> None:
    body = check(await post(client, b'{"schma": "ideas", "topic": "tea"}', "/streams"), 422)
    assert body["detail"] == "The body must name a schema. Did you mean schema?"


@pytest.mark.parametrize(
    ("path", "given", "meant"),
    [
        ("/ideas?vew=delta", {"topic": "tea"}, "view"),
        ("/ideas?Vew=delta", {"topic": "tea"}, "view"),
        ("/ideas?resumeable=true&intervall_ms=1", {"topic": "tea"}, "resumable and interval_ms"),
        ("/ideas", {"topci": "tea"}, "topic"),
        ("/ideas", {"topic": "tea", "counts": 3}, "count"),
        ("/streams", {"schema": "ideas", "topic": "tea", "cuont": 3}, "count"),
        ("/streams?idempotency-key=x", {"schema": "ideas", "topic": "tea"}, "idempotency_key"),
        ("/ideas?topic=tea&vew=delta", None, "view"),
        ("/ideas?topic=tea&cout=3", None, "count"),
        (f"/ideas?{'view' * 5000}=delta", {"topic": "tea"}, None),
    ],
)
async def test_an_unknown_key_is_told_the_nearest_known_one(
    client: httpx.AsyncClient, path: str, given: dict[str, Any] | None, meant: str | None
) -> None:
    calling = client.get(path) if given is None else client.post(path, json=given)
    answer = await calling
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    told = re.findall(r" Did you mean (.+)\? There are: ", answer.json()["detail"])
    assert told == ([] if meant is None else [meant])
