"""`/schemas` and `/schemas/{name}`, and the paths that only look like a schema's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from app.schemas.registry import load
from app.views.specs import VIEWS
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.schema_files import schema, write
from tests.support.service import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ["briefs", "ideas", "movies", "recipes"]


async def test_the_schemas_are_listed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/schemas")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json().keys() == {"schemas"}
    listed = answer.json()["schemas"]
    assert [entry["name"] for entry in listed] == NAMES
    for entry in listed:
        assert entry.keys() == {"name", "description", "model", "views"}
        assert entry["model"] == "demo"
        assert entry["description"]
        lists = ["items"] if entry["name"] != "briefs" else []
        assert entry["views"] == ["snapshot", "delta", *lists, "text", "ui-message", "ag-ui"]


async def test_they_are_made_once_and_sent_again_only_where_they_are_not_known(
    client: httpx.AsyncClient,
) -> None:
    paths = ["/schemas", *(f"/schemas/{name}" for name in NAMES)]
    etags = [(await client.get(path)).headers["etag"] for path in paths]
    assert len(set(etags)) == len(paths)
    for path, etag in zip(paths, etags, strict=True):
        known = await client.get(path, headers={"If-None-Match": etag})
        assert (known.status_code, known.content) == (304, b"")
        other = await client.get(path, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.headers["etag"]) == (200, etag)


@pytest.mark.parametrize("name", NAMES)
async def test_a_schema_has_the_views_that_are_listed_and_no_other(
    client: httpx.AsyncClient, name: str
) -> None:
    listed = (await client.get("/schemas")).json()["schemas"]
    views = next(entry["views"] for entry in listed if entry["name"] == name)
    for view in VIEWS:
        answer = await client.get(f"/{name}?topic=tea&view={view}")
        assert (answer.status_code == 200) is (view in views)


@pytest.mark.parametrize("name", NAMES)
async def test_a_schema_is_described_by_three_json_schemas(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"/schemas/{name}")
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    schemas = {"parameters", "result", "partial"}
    assert body.keys() == {"name", "description", "model", "version", *schemas}
    assert body["name"] == name
    for key in schemas:
        Draft202012Validator.check_schema(body[key])


@pytest.mark.parametrize("name", NAMES)
async def test_a_schema_describes_what_goes_in(client: httpx.AsyncClient, name: str) -> None:
    parameters = Draft202012Validator((await client.get(f"/schemas/{name}")).json()["parameters"])
    assert parameters.is_valid({"topic": "tea"})
    assert not parameters.is_valid({})
    assert not parameters.is_valid({"topic": ""})
    assert not parameters.is_valid({"topic": "x" * 501})
    assert not parameters.is_valid({"topic": "tea", "unknown": 1})
    if name != "briefs":
        assert parameters.is_valid({"topic": "tea", "count": 20})
        assert not parameters.is_valid({"topic": "tea", "count": 21})
        assert not parameters.is_valid({"topic": "tea", "count": 0})


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_streamed_satisfies_the_published_schemas(
    client: httpx.AsyncClient, name: str
) -> None:
    described = (await client.get(f"/schemas/{name}")).json()
    partial = Draft202012Validator(described["partial"])
    result = Draft202012Validator(described["result"])
    async with (
        running(demo_tokens_per_second=2000) as service,
        http_client(timeout=60) as slower,
    ):
        answer = await slower.get(f"{service.url}/{name}?topic=tea&interval_ms=0")
    found = messages(answer.content)
    partials = [message.data for message in found if message.event is None]
    assert partials
    for value in partials:
        partial.validate(value)
    assert found[-1].event == "done"
    result.validate(found[-1].data)


def names_what_exists(answer: httpx.Response, names: list[str]) -> bool:
    body: dict[str, Any] = answer.json()
    return (answer.status_code, body["code"], body["detail"]) == (
        404,
        "unknown_schema",
        f"There is no schema of that name. There are: {', '.join(names) or 'none'}.",
    )


@pytest.mark.parametrize(
    "path",
    ["/schemas/c4n4ry", "/schemas/Ideas", "/schemas/%00", "/c4n4ry", "/c4n4ry?topic=tea", "/IDEAS"],
)
async def test_a_name_that_no_schema_has_is_told_what_exists(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert names_what_exists(answer, NAMES)
    assert "c4n4ry" not in answer.text


async def test_so_with_a_post(client: httpx.AsyncClient) -> None:
    assert names_what_exists(await client.post("/c4n4ry", json={"topic": "tea"}), NAMES)
    assert names_what_exists(await client.post("/c4n4ry", content=b"{"), NAMES)


@pytest.mark.parametrize(
    "path",
    [
        "/ideas/",
        "/ideas/1",
        "/schemas/",
        "/schemas/ideas/",
        "/schemas/ideas/result",
        "/favicon.ico",
        "/.env",
        "/%2e%2e/app",
        "/docs/assets/c4n4ry",
        "/docs/assets/..%2f..%2f..%2fapp%2fmain.py",
        "/streams/c4n4ry",
        "/streams/",
    ],
)
async def test_any_other_path_has_nothing(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] in ("not_found", "stream_not_found")
    assert "c4n4ry" not in answer.text


async def test_a_folder_with_no_schema_serves_and_says_so(tmp_path: Path) -> None:
    async with running(registry=load(tmp_path)) as service, http_client(timeout=60) as client:
        assert (await client.get(f"{service.url}/schemas")).json() == {"schemas": []}
        assert names_what_exists(await client.get(f"{service.url}/ideas"), [])


async def test_a_file_more_is_an_endpoint_and_a_description_more(tmp_path: Path) -> None:
    write(tmp_path, "long_words.py", schema())
    async with (
        running(registry=load(tmp_path)) as service,
        http_client(timeout=60, base_url=service.url) as client,
    ):
        assert [s["name"] for s in (await client.get("/schemas")).json()["schemas"]] == [
            "long-words"
        ]
        assert (await client.get("/schemas/long-words")).status_code == 200
        assert "event: done" in (await client.get("/long-words?topic=tea")).text
        posted = await client.post("/streams", json={"schema": "long-words", "topic": "tea"})
        assert "event: done" in posted.text
        assert "/long-words" in (await client.get("/openapi.json")).json()["paths"]
