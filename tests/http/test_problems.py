"""Every error that can occur, as a status before the first byte and as an event after it.

The table in docs/protocol.md is read as data: what the service does, the tree in app/errors.py
and the table agree.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

import app.errors
from app.demo import MODELS, SECRET
from app.errors import ProviderRateLimited, ServiceError
from app.http.problem import problem
from app.streams.log_entry import Failed
from tests.support.callers import CRON, KEYED, WEB, bearer
from tests.support.demo import FAULTS, OUTCOMES, SILENT
from tests.support.events import Message, messages
from tests.support.http_client import http_client
from tests.support.raw import exchange
from tests.support.service import Service, eventually, running
from tests.support.stream import streaming
from tests.support.upstream import HEAD, holding, saying, status, text, upstream

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
JSON = {"Accept": "application/json"}
NOBODYS = "5f0c6c1e9d3b4a7f8e2d1c0b9a786756"
"""The id of a stream that never was."""

CLOSED_LIST = """
`invalid_request` | 422 (400 where the JSON is broken) | no
`unauthorized`, `forbidden` | 401 (`WWW-Authenticate: Bearer`), 403 | no
`not_found`, `unknown_schema`, `stream_not_found` | 404 | no
`method_not_allowed` (`Allow`), `not_acceptable`, `unsupported_media_type` | 405, 406, 415 | no
`idempotency_conflict`, `stream_expired` | 409, 410 | no
`payload_too_large`, `headers_too_large` | 413, 431 | no
`rate_limited` | 429 | yes
`overloaded`, `draining` | 503 | yes
`provider_unavailable` | 502 | yes
`provider_rate_limited` | 503 | yes
`provider_rejected` | 502 | no
`provider_timeout` | 504 | yes
`provider_interrupted` | 502 | yes
`provider_protocol` | 502 | yes
`output_truncated` | 502 | no
`output_refused`, `output_filtered` | 502 | no
`output_invalid` | 502 | yes
`output_too_large` | 502 | no
`cancelled` | 409 | no
`internal` | 500 | yes
"""
"""Of the protocol: all codes that there will ever be, those of later issues included."""


class Row(NamedTuple):
    statuses: set[int]
    retryable: bool


def read_table(text: str) -> dict[str, Row]:
    """The rows of a table of codes, statuses and whether a retry may help, one for each code."""
    table: dict[str, Row] = {}
    for line in text.strip().splitlines():
        codes, statuses, retryable, *_ = line.strip("|").split("|")
        names = re.findall(r"`([a-z_]+)`", codes)
        numbers = [int(number) for number in re.findall(r"\b[45]\d\d\b", statuses)]
        for i, name in enumerate(names):
            own = {numbers[i]} if len(names) == len(numbers) else set(numbers)
            table[name] = Row(own, retryable.strip() == "yes")
    return table


def documented() -> str:
    """The table in docs/protocol.md."""
    errors = PROTOCOL.read_text(encoding="utf-8").split("## Errors")[1]
    return "\n".join(line for line in errors.splitlines() if line.startswith("| `"))


ALL = read_table(CLOSED_LIST)
TABLE = read_table(documented())


def leaves(kind: type[ServiceError]) -> list[type[ServiceError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
    return below + ([kind] if hasattr(kind, "code") else [])


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (app.errors.PayloadTooLarge(), "Content Too Large"),
        (app.errors.InvalidRequest(), "Unprocessable Content"),
        (app.errors.HeadersTooLarge(), "Request Header Fields Too Large"),
    ],
)
def test_a_title_has_the_words_of_the_rfc_whichever_python_it_is(
    error: ServiceError, title: str
) -> None:
    assert json.loads(bytes(problem(error, "R").body))["title"] == title


def check_problem(answer: httpx.Response, code: str) -> None:
    """The answer is a problem with this code, as the table has it."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["code"] == code
    assert body["status"] == answer.status_code
    assert answer.status_code in TABLE[code].statuses
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["retryable"] is TABLE[code].retryable
    assert body["error"] == body["detail"]
    assert {"type", "title", "detail"} < body.keys()
    of_the_rfc = {"type", "title", "detail", "status"}
    assert body.keys() - of_the_rfc <= {"error", "code", "retryable", "request_id", "errors"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.content) < 1024
    check_words(answer.text)


def check_event(found: list[Message], code: str) -> None:
    """The stream ends in this error, as the table has it."""
    last = found[-1]
    assert (last.event, last.data["code"]) == ("error", code)
    assert last.data["retryable"] is TABLE[code].retryable
    assert last.data["error"]
    assert last.data["request_id"]
    assert last.data.keys() <= {"error", "code", "retryable", "request_id", "retry_after", "errors"}
    check_words(str(last.data))


def check_words(text: str) -> None:
    """They are the service's own. (The secret is in each error of the demo model.)"""
    for word in (SECRET, "Traceback", "127.0.0.1", "openai", "aiohttp"):
        assert word not in text


# The table and the tree


def test_the_tree_and_the_documented_table_agree_with_the_closed_list() -> None:
    tree = {kind.code: kind for kind in leaves(ServiceError)}
    assert len(ALL) == 29
    assert TABLE.keys() <= tree.keys() <= ALL.keys()
    for code, row in TABLE.items():
        assert row == ALL[code], code
    for code, kind in tree.items():
        assert kind.status in ALL[code].statuses, code
        assert kind.retryable is ALL[code].retryable, code
        assert kind.message, code


def test_the_picture_of_the_tree_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+) +(\w+) +(\d+) +(yes|no)", app.errors.__doc__ or "")
    assert {
        name: (code, int(number), retryable == "yes") for name, code, number, retryable in drawn
    } == {kind.__name__: (kind.code, kind.status, kind.retryable) for kind in leaves(ServiceError)}


# What is wrong with a request


requests: dict[str, tuple[str, str, dict[str, str], bytes | None]] = {
    "invalid_request": ("GET", "/ideas", {}, None),
    "forbidden": ("GET", "/ideas?topic=tea", {"Origin": "https://evil.example"}, None),
    "not_found": ("GET", "/a/b", {}, None),
    "unknown_schema": ("GET", "/sonnets", {}, None),
    "method_not_allowed": ("PUT", "/ideas", {}, None),
    "not_acceptable": ("GET", "/ideas?topic=tea", {"Accept": "text/html"}, None),
    "unsupported_media_type": ("POST", "/ideas", {}, b"{}"),
    "payload_too_large": ("POST", "/ideas", {"Content-Type": "application/json"}, b" " * 65537),
    "stream_not_found": ("GET", f"/streams/{NOBODYS}", {}, None),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("code", requests)
async def test_a_wrong_request_is_a_problem(client: httpx.AsyncClient, code: str) -> None:
    method, path, headers, content = requests[code]
    check_problem(await client.request(method, path, headers=headers, content=content), code)


@pytest.mark.asyncio(loop_scope="module")
async def test_broken_json_is_an_invalid_request_with_the_status_400(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/ideas", headers=headers, content=b"{")
    check_problem(answer, "invalid_request")
    assert answer.status_code == 400


# Streams that are not there, or not what was asked for


wrong_ids = [
    NOBODYS,
    f"{NOBODYS}-",
    f"{NOBODYS}-0",
    f"{NOBODYS}-1",
    "c4n4ry",
    "-1",
    "1",
    "é",
    "x" * 65,
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("last", wrong_ids)
@pytest.mark.parametrize("call", ["GET /ideas", "POST /ideas", "POST /streams", "GET /streams/x"])
async def test_what_is_no_event_of_any_stream_cannot_be_come_back_to(
    client: httpx.AsyncClient, call: str, last: str
) -> None:
    method, path = call.split()
    headers = [(b"Last-Event-ID", last.encode())]
    check_problem(await client.request(method, path, headers=headers), "stream_not_found")
    answer = await client.request(method, path, params={"last_event_id": last})
    check_problem(answer, "stream_not_found")


@pytest.mark.asyncio(loop_scope="module")
async def test_an_event_is_one_of_its_own_stream_and_schema_alone(
    client: httpx.AsyncClient,
) -> None:
    one, other = [
        messages((await client.get("/ideas?topic=tea&count=1&resumable=true")).content)
        for _ in range(2)
    ]
    stream, last = one[0].data["stream"], str(one[-1].id)
    position = int(last.split("-")[1])
    for path, id in (
        (f"/streams/{other[0].data['stream']}", last),
        ("/movies", last),
        (f"/streams/{stream}", f"{stream}-{position + 1}"),
        (f"/streams/{stream}", f"{stream}-0{position}"),
        (f"/streams/{stream}", f"{stream}-{position} x"),
    ):
        answer = await client.get(path, headers={"Last-Event-ID": id})
        check_problem(answer, "stream_not_found")
    # What a header says goes before what the query says.
    answer = await client.get(f"/ideas?last_event_id={NOBODYS}-1", headers={"Last-Event-ID": last})
    assert answer.status_code == 204


@pytest.mark.asyncio(loop_scope="module")
async def test_nobodys_stream_cannot_be_cancelled(client: httpx.AsyncClient) -> None:
    for id in wrong_ids:
        check_problem(await client.delete(f"/streams/{id}"), "stream_not_found")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stream_that_is_cancelled_is_forgotten(client: httpx.AsyncClient) -> None:
    kept = await client.get("/ideas?topic=tea&count=1&resumable=true")
    path, last = kept.headers["location"], str(messages(kept.content)[-1].id)
    assert (await client.get(path)).status_code == 200
    assert (await client.delete(path)).status_code == 204
    check_problem(await client.delete(path), "stream_not_found")
    check_problem(await client.get(path), "stream_not_found")
    answer = await client.get("/ideas?topic=tea", headers={"Last-Event-ID": last})
    check_problem(answer, "stream_not_found")


async def test_a_stream_that_is_no_longer_kept_has_expired() -> None:
    async with (
        running(retention_seconds=0.05) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        kept = await client.get("/ideas?topic=tea&count=1&resumable=true")
        path, first = kept.headers["location"], str(messages(kept.content)[0].id)
        async with asyncio.timeout(10):
            while (answer := await client.get(path)).status_code == 200:
                assert answer.content == kept.content
        check_problem(answer, "stream_expired")
        check_problem(await client.get(path, headers=JSON), "stream_expired")
        headers = {"Last-Event-ID": first}
        for again in (
            await client.get(path, headers=headers),
            await client.get("/ideas?topic=tea&count=1&resumable=true", headers=headers),
            await client.get(f"/ideas?topic=tea&last_event_id={first}"),
            await client.post("/ideas", headers=headers, json={"topic": "tea"}),
            await client.post("/streams", headers=headers, json={"schema": "ideas"}),
        ):
            check_problem(again, "stream_expired")
        check_problem(await client.delete(path), "stream_not_found")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stream_that_was_not_to_be_kept_has_expired_with_its_end(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/ideas?topic=tea&count=1")
    check_problem(await client.get(answer.headers["location"]), "stream_expired")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_kept_failure_is_an_event_or_where_none_can_tell_it_a_status(
    client: httpx.AsyncClient,
) -> None:
    failed = await client.get("/ideas?topic=tea&resumable=true&model=demo-truncated")
    path = failed.headers["location"]
    for view in ("snapshot", "delta", "items"):
        answer = await client.get(f"{path}?view={view}")
        assert answer.status_code == 200
        check_event(messages(answer.content), "output_truncated")
    for view in ("ui-message", "ag-ui"):
        answer = await client.get(f"{path}?view={view}")
        assert answer.status_code == 200
        assert "output_truncated" in answer.text
    check_problem(await client.get(f"{path}?view=text"), "output_truncated")
    check_problem(await client.get(path, headers=JSON), "output_truncated")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_key_begins_one_stream_and_no_other(client: httpx.AsyncClient) -> None:
    async def post(path: str = "/ideas", **body: Any) -> httpx.Response:
        return await client.post(path, json=body, headers={"Idempotency-Key": "one of a kind"})

    first = await post(topic="tea", count=5)
    for again in (
        await post(topic=" tea "),
        await post("/ideas?view=delta&interval_ms=0&model=demo", topic="tea"),
        await post("/streams", schema="ideas", topic="tea"),
        await post(
            "/ideas?view=ui-message",
            messages=[{"role": "user", "parts": [{"type": "text", "text": "tea"}]}],
        ),
    ):
        assert again.headers["location"] == first.headers["location"]
    for other in (
        await post(topic="coffee"),
        await post(topic="tea", count=4),
        await post("/movies", topic="tea"),
        await post("/streams", schema="recipes", topic="tea"),
        await post("/ideas?model=demo-invalid", topic="tea"),
    ):
        check_problem(other, "idempotency_conflict")
    plain = await client.get("/ideas?topic=coffee", headers={"Idempotency-Key": "one of a kind"})
    assert plain.headers["location"] != first.headers["location"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("keys", [[""], ["x" * 256], ["é"], ["a\tb"], ["a", "b"], ["a", "a"]])
async def test_a_malformed_key_is_an_invalid_request(
    client: httpx.AsyncClient, keys: list[str]
) -> None:
    headers = [(b"Idempotency-Key", key.encode()) for key in keys]
    answer = await client.post("/ideas", json={"topic": "tea"}, headers=headers)
    check_problem(answer, "invalid_request")
    message = "must be 1 to 255 printable ASCII characters"
    assert answer.json()["errors"] == [{"path": "", "message": message}]


# What the provider does: each of the demo model's faults, in JSON and as a stream


refused = ("demo-429", "demo-500", "demo-401")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that soon gives up on silence, and has no time for another try."""
    settings = {"first_content_timeout": 0.8, "content_gap_timeout": 0.5, "open_timeout": 0.5}
    async with (
        running(**settings) as service,
        http_client(base_url=service.url, timeout=30) as client,
    ):
        yield client


def test_no_fault_is_left_out() -> None:
    assert OUTCOMES.keys() == set(MODELS)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", FAULTS)
async def test_a_fault_is_a_status_where_no_stream_was_asked_for(
    client: httpx.AsyncClient, impatient: httpx.AsyncClient, model: str
) -> None:
    asked = impatient if model in SILENT + refused else client
    answer = await asked.get(f"/ideas?topic=tea&model={model}", headers=JSON)
    check_problem(answer, FAULTS[model])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("model", FAULTS)
async def test_a_fault_is_the_last_event_of_a_stream_that_has_begun(
    client: httpx.AsyncClient, impatient: httpx.AsyncClient, model: str
) -> None:
    asked = impatient if model in SILENT else client
    answer = await asked.get(f"/ideas?topic=tea&model={model}")
    if model in refused:
        check_problem(answer, FAULTS[model])
    else:
        assert answer.status_code == 200
        check_event(messages(answer.content), FAULTS[model])


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_that_is_invalid_once_is_restarted_and_done(
    client: httpx.AsyncClient,
) -> None:
    found = messages((await client.get("/ideas?topic=tea&model=demo-invalid")).content)
    restarts = [message.data for message in found if message.event == "restart"]
    assert [(restart["attempt"], restart["code"]) for restart in restarts] == [
        (2, "output_invalid")
    ]
    assert restarts[0]["errors"]
    assert found[-1].event == "done"


# What takes a provider, or a service, of its own


async def get(service: Service, client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(f"{service.url}/ideas?topic=tea&count=1")


async def test_no_connection_is_provider_unavailable() -> None:
    async with upstream(saying(b"")) as provider:
        nobody = provider.base_url
    settings = {"openai_base_url": nobody, "open_timeout": 0.3}
    async with running(**settings) as service, http_client(timeout=60) as client:
        check_problem(await get(service, client), "provider_unavailable")


async def test_the_retry_after_of_the_providers_429_is_passed_on() -> None:
    async with (
        upstream(saying(status(429, Retry_After="17"))) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60) as client,
    ):
        answer = await get(service, client)
        check_problem(answer, "provider_rate_limited")
        assert answer.headers["retry-after"] == "17"


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    for seconds, header in ((0.0, "0"), (0.2, "1"), (1.0, "1"), (1.5, "2")):
        answer = problem(ProviderRateLimited(retry_after=seconds), "R")
        assert answer.headers["retry-after"] == header
    assert "retry-after" not in problem(ProviderRateLimited(), "R").headers


async def test_a_late_429_is_an_event_that_says_when_to_come_back() -> None:
    broken = HEAD + text('{"items": [{"title": 7,')
    async with (
        upstream(saying(broken, status(429, Retry_After="17"))) as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60) as client,
    ):
        found = messages((await get(service, client)).content)
        check_event(found, "provider_rate_limited")
        assert found[-1].data["retry_after"] == 17


async def test_an_answer_over_the_cap_is_output_too_large() -> None:
    long = HEAD + text('{"items": [{"title": "' + "x" * 1000)
    async with (
        upstream(saying(long)) as provider,
        running(openai_base_url=provider.base_url, max_output_bytes=900) as service,
        http_client(timeout=60) as client,
    ):
        check_event(messages((await get(service, client)).content), "output_too_large")
        answer = await client.get(f"{service.url}/ideas?topic=tea", headers=JSON)
        check_problem(answer, "output_too_large")


async def test_while_the_service_stops_new_streams_are_refused_and_old_ones_end() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60) as client,
    ):
        running_one = asyncio.create_task(get(service, client))
        await (await provider.next()).send(HEAD, text('{"items": ['))
        await asyncio.wait_for(service.streams.stop(), 10)
        refusal = await get(service, client)
        check_problem(refusal, "draining")
        assert refusal.headers["retry-after"] == "1"
        old = await running_one
        if old.status_code == 200:
            check_event(messages(old.content), "draining")
        else:
            check_problem(old, "draining")
        ready = await client.get(f"{service.url}/readyz")
        check_problem(ready, "draining")
        assert (await client.get(f"{service.url}/healthz")).status_code == 200


async def test_a_stream_that_is_cancelled_ends_so_for_all_its_readers() -> None:
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url) as service,
        http_client(timeout=60, base_url=service.url) as client,
        streaming(service, provider, "/ideas?topic=tea&resumable=true") as (reader, exchange),
    ):
        path = reader.response.headers["location"]
        alone = asyncio.create_task(client.get(path, headers=JSON))
        stream = service.streams.find(path.removeprefix("/streams/"), "")
        await eventually(lambda: stream.followers == 2)
        cancelled = await client.delete(path)
        assert (cancelled.status_code, cancelled.content) == (204, b"")
        last = await reader.until("event: error")
        told = json.loads(last.split("data: ")[1])
        assert (told["code"], told["retryable"]) == ("cancelled", TABLE["cancelled"].retryable)
        assert await reader.next() == ""
        check_problem(await alone, "cancelled")
        await exchange.is_closed()
        check_problem(await client.get(path), "stream_not_found")


async def test_no_key_no_stream_and_no_more_than_a_caller_and_the_service_may_have() -> None:
    async with (
        upstream(holding(HEAD)) as provider,
        running(
            openai_base_url=provider.base_url,
            **KEYED,
            caller_streams=1,
            max_streams=1,
            max_queued=0,
        ) as service,
        http_client(timeout=60) as client,
    ):
        url = f"{service.url}/ideas?topic=tea"
        none = await client.get(url)
        check_problem(none, "unauthorized")
        assert none.headers["www-authenticate"] == "Bearer"
        async with client.stream("GET", url, headers=bearer(WEB)):
            for key, expected in ((WEB, "rate_limited"), (CRON, "overloaded")):
                refusal = await client.get(url, headers=bearer(key))
                check_problem(refusal, expected)
                assert refusal.headers["retry-after"] == "1"


class Broken:
    """A provider with a fault of its own."""

    def ask(self, ask: object) -> None:
        raise RuntimeError("sk-secret")

    async def aclose(self) -> None:
        pass


async def test_a_fault_within_a_stream_is_internal() -> None:
    async with running(provider=Broken()) as service, http_client(timeout=60) as client:
        answer = await get(service, client)
        check_problem(answer, "internal")
        assert "secret" not in answer.text


async def test_a_fault_of_an_endpoint_is_internal_and_readable_by_a_page() -> None:
    async with running() as service, http_client(timeout=60) as client:
        del service.streams.provider  # set before the first stream, always
        headers = {"Origin": "http://localhost:3000"}
        answer = await client.get(f"{service.url}/ideas?topic=tea", headers=headers)
        check_problem(answer, "internal")
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_a_head_that_is_too_large_is_refused_before_there_is_a_request() -> None:
    async with running() as service:
        head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 65536 + b"\r\n\r\n"
        lines, _, body = (await exchange(service.url, head)).partition(b"\r\n\r\n")
        status, *headers = lines.decode().splitlines()
        sent = httpx.Headers([tuple(line.split(": ", 1)) for line in headers])
        answer = httpx.Response(int(status.split()[1]), headers=sent, content=body)
        check_problem(answer, "headers_too_large")


# All of it


def test_every_row_has_been_walked() -> None:
    seen = {*requests, *FAULTS.values(), "draining", "output_too_large", "internal"}
    seen |= {"unauthorized", "rate_limited", "overloaded"}
    seen |= {"stream_expired", "idempotency_conflict", "cancelled", "headers_too_large"}
    assert TABLE.keys() == seen


@pytest.mark.parametrize("kind", leaves(ServiceError))
def test_an_error_and_the_end_of_a_run_make_the_same_problem(kind: type[ServiceError]) -> None:
    error = kind(errors=[{"path": "/a", "message": "is wrong"}], retry_after=3)
    one, other = problem(error, "R"), problem(Failed.of(error), "R")
    assert (one.status_code, one.body, one.headers) == (
        other.status_code,
        other.body,
        other.headers,
    )
