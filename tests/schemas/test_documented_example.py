"""The example of `docs/schemas.md`: saving the file adds the endpoint, and breaks nothing."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.schemas.registry import load
from tests.support.command import invoked
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.process import ROOT, ended, process
from tests.support.service import running

DOCUMENT = (ROOT / "docs" / "schemas.md").read_text(encoding="utf-8")


def found(pattern: str) -> str:
    match = re.search(pattern, DOCUMENT, re.DOTALL)
    assert match is not None
    return match[1]


NAME = found(r"Save this as `schemas/(\w+\.py)`")
SOURCE = found(r"```python\n(.*?)```")
COMMAND = shlex.split(found(r"    (curl -N localhost:8000/trips[^\n]+)"))
BODY: dict[str, Any] = json.loads(COMMAND[-1])


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the folder that ships."""
    folder = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def folder(shipped: Path) -> Path:
    """The same, with the example in it."""
    (shipped / NAME).write_text(SOURCE, encoding="utf-8")
    return shipped


def test_it_is_one_more_schema_and_its_prompt_is_as_it_says(folder: Path) -> None:
    assert set(load(folder).names) == {*load(ROOT / "schemas").names, "trips"}
    entry = load(folder).get("trips")
    assert entry.is_list
    parameters = entry.schema.parameters.model_validate(entry.schema.examples[0])
    assert "by train only" in entry.schema.prompt(parameters).user


async def test_it_is_served_listed_and_described(folder: Path) -> None:
    async with (
        running(schemas=(str(folder),)) as service,
        http_client(base_url=service.url, timeout=30) as client,
    ):
        described = (await client.get("/schemas/trips")).json()
        answer = messages((await client.post("/trips", json=BODY)).content)
        by_query = await client.get("/trips?topic=lakes&by_train=true")
        listed = (await client.get("/schemas")).json()["schemas"]
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert answer[-1].event == "done"
    Draft202012Validator(described["result"]).validate(answer[-1].data)
    assert 1 <= len(answer[-1].data) <= BODY["count"]
    assert "\nevent: done\n" in by_query.text
    assert "trips" in [entry["name"] for entry in listed]
    assert paths["/trips"].keys() == {"get", "post"}


async def test_the_command_serves_the_folders_that_it_is_told(folder: Path) -> None:
    (folder / "_shared.py").write_text("NAME = 'shared'\n", encoding="utf-8")
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.write("\nfrom schemas._shared import NAME\n")
    own = folder.parent / "own"
    own.mkdir()
    shutil.move(folder / NAME, own / NAME)
    folders = f"{folder}, {own}"
    assert "trips  Trips on a topic" in (await invoked("schemas", SCHEMAS=folders)).out
    async with process(SCHEMAS=folders) as service, http_client(timeout=30) as client:
        assert "event: done" in (await client.post(f"{service.url}/trips", json=BODY)).text


async def test_a_folder_that_is_not_there_stops_each_command(tmp_path: Path) -> None:
    folders = f"schemas,{tmp_path / 'none'}"
    for stopped in (
        await ended(SCHEMAS=folders),
        await invoked("schemas", SCHEMAS=folders),
        await invoked("types", SCHEMAS=folders),
    ):
        assert (stopped.code, stopped.out) == (2, "")
        assert stopped.said.endswith("/none: there is no such folder\n")


async def test_each_shipped_file_can_go_or_be_renamed_and_the_rest_is_served(
    shipped: Path,
) -> None:
    for file in list(load(shipped)):
        name = f"other-{file.name}"
        file.file.rename(shipped / f"other_{file.file.name}")
        async with (
            running(schemas=(str(shipped),)) as service,
            http_client(base_url=service.url, timeout=30) as client,
        ):
            given = dict(file.schema.examples[0])
            assert "event: done" in (await client.post(f"/{name}", json=given)).text
            assert (await client.get(f"/{file.name}?topic=tea")).status_code == 404
