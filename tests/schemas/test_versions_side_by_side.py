"""Two versions of one schema side by side: `ideas` and `ideas@2`, each a file of its own."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from openapi_spec_validator import validate
from structured_streams import stream

from app.schemas.names import as_identifier, as_type
from app.schemas.registry import load
from app.schemas.typescript import document
from tests.support.callers import KEYED, WEB, bearer, ticket
from tests.support.http_client import http_client
from tests.support.process import SCHEMAS
from tests.support.service import running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = (SCHEMAS / "ideas.py").read_text(encoding="utf-8")
    for helper in SCHEMAS.glob("_*.py"):
        shutil.copy(helper, tmp_path)
    (tmp_path / "ideas.py").write_text(source)
    (tmp_path / "ideas@2.py").write_text(source.replace("blurb", "pitch"))
    return tmp_path


async def test_both_are_endpoints_with_a_version_and_a_result_of_their_own(folder: Path) -> None:
    async with (
        running(schemas=(str(folder),), model="demo", **KEYED) as service,
        http_client(timeout=60, base_url=service.url, headers=bearer(WEB)) as client,
    ):
        listed = (await client.get("/schemas")).json()["schemas"]
        assert [schema["name"] for schema in listed] == ["ideas", "ideas@2"]
        versions = {}
        for name in ("ideas", "ideas@2"):
            described = (await client.get(f"/schemas/{name}")).json()
            assert described["name"] == name
            versions[name] = described["version"]
        assert versions["ideas"] != versions["ideas@2"]
        parameters = {"topic": "tea", "count": 1}
        for answer in (
            await client.post("/ideas@2", json=parameters),
            await client.post("/ideas%402", json=parameters),
            await client.get("/ideas@2", params=parameters),
            await client.post("/streams", json={"schema": "ideas@2", **parameters}),
        ):
            start, *_ = answer.text.split("\n\n")
            told = json.loads(start.split("data: ")[1].split("\n")[0])
            assert (told["schema"], told["schema_version"]) == ("ideas@2", versions["ideas@2"])
            assert '"pitch":' in answer.text
        given = await ticket(client, schemas=["ideas@2"])
        allowed = await client.get("/ideas@2", params=parameters, headers=bearer(given))
        refused = await client.get("/ideas", params=parameters, headers=bearer(given))
        assert (allowed.status_code, refused.status_code) == (200, 403)
        metrics = (await client.get("/metrics")).text
        for name, version in versions.items():
            assert f'schema_info{{schema="{name}",schema_version="{version}"}} 1.0' in metrics
        assert 'streams_started_total{schema="ideas@2"} 5.0' in metrics


async def test_clients_and_their_types_know_both(folder: Path) -> None:
    async with running(schemas=(str(folder),), model="demo") as service:
        final = await stream(service.url, "ideas@2", topic="tea", count=1).final()
        assert final[0].keys() == {"title", "pitch"}
        async with http_client(timeout=60, base_url=service.url) as client:
            openapi = (await client.get("/openapi.json")).json()
    validate(openapi)
    assert "/ideas@2" in openapi["paths"]
    operations = [
        operation["operationId"]
        for path in openapi["paths"].values()
        for operation in path.values()
    ]
    assert Counter(operations).most_common(1)[0][1] == 1
    assert {"post_ideas", "post_ideas_V2"} <= set(operations)
    assert {"Ideas", "Ideas_2"} <= document(load(folder))["$defs"].keys()


@pytest.mark.parametrize(
    ("name", "type", "identifier"),
    [
        ("ideas", "Ideas", "ideas"),
        ("trip-plans", "TripPlans", "trip_plans"),
        ("ideas@2", "Ideas_2", "ideas_V2"),
        ("trip-plans@10", "TripPlans_10", "trip_plans_V10"),
    ],
)
def test_a_name_in_other_places(name: str, type: str, identifier: str) -> None:
    assert (as_type(name), as_identifier(name)) == (type, identifier)
