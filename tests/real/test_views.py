"""A real model answers every shipped schema, and all views of an answer keep their promises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from app.schemas.registry import SchemaEntry
from app.views.specs import VIEWS, views_of
from tests.real.reading import READERS
from tests.schemas.shipped.reading import SHIPPED
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.real_model import SECONDS, RealModel, asking

MODES = ("json_schema", "auto")
"""The values of `INSTRUCTOR_MODE` in which the models are asked."""

HELD = ("done", "output_truncated")
"""How an answer ends that llama.cpp holds to the schema: it may be long, and is never invalid."""

ENDS = {"json_schema": HELD, "auto": (*HELD, "output_invalid")}
"""How answers end in each mode. `auto` asks for a call of a tool first, to which llama.cpp does not
hold a model: what comes of that depends on the processor."""


TOPIC = {"topic": "tea"}
ASKED = {"minutes": {"text": "Ana sends the offer by Friday. The launch is in May."}}


async def read(client: httpx.AsyncClient, schema: str, view: str) -> bytes | None:
    """The response in a view. All calls for a schema share an answer. None: it was cut off."""
    path = f"/{schema}?view={view}&interval_ms=0"
    try:
        answer = await client.post(
            path, json=ASKED.get(schema, TOPIC), headers={"Idempotency-Key": "k"}
        )
    except httpx.RemoteProtocolError:
        assert view == "text", "only a text can't tell what has failed"
        return None
    assert answer.status_code == 200, answer.text
    return answer.content


def test_there_is_a_reader_for_each_view() -> None:
    assert READERS.keys() == VIEWS.keys()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("entry", list(SHIPPED), ids=lambda entry: str(entry.name))
async def test_all_views_of_an_answer_keep_their_promises_and_end_alike(
    each_model: RealModel,
    entry: SchemaEntry,
    mode: str,
    record_property: Callable[[str, str], None],
) -> None:
    views = views_of(entry)
    async with (
        asking(each_model, schemas=("schemas",), instructor_mode=mode) as service,
        http_client(base_url=service.url, timeout=SECONDS) as client,
    ):
        found = await asyncio.gather(*(read(client, entry.name, view) for view in views))
    bodies = {view: body for view, body in zip(views, found, strict=True) if body is not None}
    ends = [READERS[view](body, entry.partial_json_schema) for view, body in bodies.items()]
    snapshot = messages(bodies["snapshot"])
    events = [message.event for message in snapshot]
    # A reader that comes after a restart is not told of it, but the usage counts all attempts.
    attempts = [message.data["attempts"] for message in snapshot if message.event == "usage"]
    assert all(end == ends[0] for end in ends)
    assert None not in found or max(attempts, default=1) > 1 or ends[0].code
    outcome = ends[0].code or "done"
    record_property(f"a real model's {entry.name} ({mode})", outcome)
    assert None in events, "there was no partial"
    assert outcome in ENDS[mode]
    assert "usage" in events or outcome != "done"
