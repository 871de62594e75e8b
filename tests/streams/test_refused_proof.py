"""An answer that the decoder takes, and Pydantic's validation of the whole text refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.schemas.registry import Registry
from tests.support.client import read
from tests.support.schema_files import load, schema, write
from tests.support.service import running
from tests.support.upstream import HEAD, end, saying, text, upstream

SOURCE = """
class Cat(BaseModel):
    kind: Literal["cat"] = Field(alias="type")
    name: str

class Dog(BaseModel):
    kind: Literal["dog"] = Field(alias="type")
    name: str

class Pet(BaseModel):
    animal: Annotated[Cat | Dog, Field(discriminator="kind")]
"""
GOOD = '{"animal": {"type": "cat", "name": "Tom"}}'
BAD = '{"animal": {"type": "cat", "name": "Tom", "kind": "dog"}}'
"""Pydantic reads the tag at the field's name first, and so takes the cat for a dog."""

SHOWN = 'data: {"animal":{"type":"cat","name":"Tom"}}\n\n'
ERRORS = '[{"path":"","message":"must be \'dog\'"}]'
REFUSED = f'event: restart\ndata: {{"attempt":2,"code":"output_invalid","errors":{ERRORS}}}\n\n'
DONE = f"event: done\n{SHOWN}"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    write(tmp_path, "pets.py", SOURCE + schema("Pet", "Parameters"))
    return load(tmp_path)


async def said(registry: Registry, *answers: str, **settings: Any) -> tuple[str, list[Any]]:
    """The stream of these answers, and the requests that the provider had."""
    written = [HEAD + text(answer) + end() for answer in answers]
    async with (
        upstream(saying(*written)) as provider,
        running(registry=registry, openai_base_url=provider.base_url, **settings) as service,
    ):
        stream = await read(f"{service.url}/pets?topic=a&interval_ms=0")
        return stream, [exchange.body["messages"] for exchange in provider.exchanges]


async def test_it_is_an_invalid_attempt_of_which_the_next_is_told(registry: Registry) -> None:
    stream, (first, second) = await said(registry, BAD, GOOD)
    assert stream == SHOWN + REFUSED + SHOWN + DONE
    assert second[: len(first)] == first
    told, mended = second[len(first) :]
    assert told == {"role": "assistant", "content": BAD}
    assert "must be" not in mended["content"]  # it has Pydantic's words, and the client ours
    assert "dog" in mended["content"]


async def test_after_the_last_attempt_it_is_an_error_and_never_done(registry: Registry) -> None:
    stream, requests = await said(registry, BAD, max_attempts=2)
    assert len(requests) == 2
    assert stream.startswith(SHOWN + REFUSED + SHOWN + "event: error\n")
    error = json.loads(stream.split("event: error\ndata: ")[1])
    assert error["code"] == "output_invalid"
    assert error["errors"] == json.loads(ERRORS)
