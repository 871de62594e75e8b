"""A view is one row: from it follow options, OpenAPI, `GET /schemas`, bodies and the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.errors import InvalidRequest
from app.http.endpoints.options import split_query
from app.http.openapi import openapi
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.streams.log_entry import Done, Failed, LogEntry, Restart, Usage
from app.views.followed import Followed
from app.views.format import FORMATS, NDJSON, SSE, SSE_WITH_COMMENTS, TEXT
from app.views.message import Message
from app.views.native import NativeView
from app.views.posted_body import PostedBody
from app.views.specs import (
    VIEWS,
    Requirement,
    ViewBody,
    ViewContext,
    ViewData,
    ViewEvent,
    ViewSpec,
    specs_of,
    views_of,
)
from tests.http.openapi.openapi_document import (
    Json,
    answer,
    body,
    of,
    operations,
    parameters,
    resolved,
)
from tests.support.connection import connected
from tests.support.http_client import http_client
from tests.support.schema_files import REGISTRY
from tests.support.service import Service, running


class LengthView(NativeView):
    """Tells how many elements a list has so far."""

    name = "length"

    def messages(self, run: Followed, entries: Sequence[LogEntry], position: int) -> list[Message]:
        length = len(run.document.value or [])
        events = [
            self.event(run, entry, position - len(entries) + at)
            for at, entry in enumerate(entries, 1)
            if isinstance(entry, Restart | Usage | Done | Failed)
        ]
        return [Message("length", dumps(length), f"{run.id}-{position}"), *events]


class TitlesView:
    """Writes the titles as comma-separated values, once they are all there."""

    def __init__(self, separator: str) -> None:
        self._separator = separator

    def start(self, run: Followed, position: int) -> list[Message]:
        return []

    def messages(self, run: Followed, entries: Sequence[LogEntry], position: int) -> list[Message]:
        if not isinstance(entries[-1], Done):
            return []
        titles = [element["title"] for element in run.document.value]
        return [Message(None, self._separator.join(titles).encode())]


def read_separated(given: dict[str, Any]) -> PostedBody:
    """`{"about": …, "separator": …}` as parameters and an id."""
    if "about" not in given:
        return PostedBody(given)
    return PostedBody({"topic": given["about"]}, {"separator": given["separator"]})


def is_list(entry: SchemaEntry) -> bool:
    return entry.is_list


LENGTH = ViewSpec(
    name="length",
    make=lambda context: LengthView(context.request_id),
    summary="how many elements there are",
    event=ViewEvent("length", "the number of elements", {"type": "integer"}, "LengthEvent"),
    requirement=Requirement(is_list, "is for lists"),
)
TITLES = ViewSpec(
    name="titles",
    make=lambda context: TitlesView(context.ids.get("separator", ",")),
    summary="the titles alone",
    format=replace(TEXT, media_type="text/csv", headers={"X-Titles": "yes"}),
    contents="the titles, at the end",
    body=ViewBody(read_separated, "`about` and a `separator`"),
    requirement=Requirement(is_list, "is for lists"),
)


@pytest.fixture(autouse=True)
def _two_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in (LENGTH, TITLES):
        monkeypatch.setitem(VIEWS, spec.name, spec)


def test_the_option_takes_it() -> None:
    for name in VIEWS:
        options, rest = split_query(f"view={name}".encode())
        assert (options.view, rest) == (name, {})
    with pytest.raises(InvalidRequest) as refused:
        split_query(b"view=none")
    assert refused.value.errors == [
        {
            "path": "/view",
            "message": "must be 'snapshot', 'delta', 'items', 'text', 'ui-message', 'ag-ui', "
            "'length' or 'titles'",
        }
    ]


def test_a_schema_has_it_where_it_fits() -> None:
    registry = REGISTRY
    assert views_of(registry.get("ideas")) == list(VIEWS)
    assert {"items", "length", "titles"}.isdisjoint(views_of(registry.get("briefs")))


def test_openapi_describes_it() -> None:
    document = of(REGISTRY)
    for method in ("GET", "POST"):
        view = parameters(document, method, "/ideas")["view"]
        assert view["schema"]["enum"] == list(view["examples"]) == list(VIEWS)
        assert view["examples"]["length"] == {"summary": LENGTH.summary, "value": "length"}
        assert (
            "- `length`: how many elements there are\n- `titles`: the titles alone"
            in (view["description"])
        )
        assert "length" not in parameters(document, method, "/briefs")["view"]["schema"]["enum"]
    success = operations(document)["POST", "/ideas"]["responses"]["200"]
    assert (
        "| `length` | the number of elements | `length` view, zero or more |"
        in (success["description"])
    )
    assert "- `titles`: `text/csv`, the titles, at the end" in success["description"]
    assert resolved(document, success["headers"]["X-Titles"])["schema"]["const"] == "yes"
    assert (
        "With `view=titles` it may also be `about` and a `separator`."
        in (operations(document)["POST", "/ideas"]["requestBody"]["description"])
    )
    assert body(document, "/ideas")
    start = document["components"]["schemas"]["StartEvent"]["properties"]
    assert start["view"]["enum"] == ["snapshot", "delta", "items", "length"]


def test_openapi_types_its_event_and_shows_an_example() -> None:
    document = of(REGISTRY)
    events = answer(document, "POST", "/ideas")
    reference = events["schema"]["x-event-data"]["length"]
    assert reference == {"$ref": "#/components/schemas/LengthEvent"}
    assert resolved(document, reference) == {"title": "LengthEvent", "type": "integer"}
    example = resolved(document, events["examples"]["length"])["value"]
    assert "event: length\ndata: 2\n" in example
    lines = answer(document, "POST", "/ideas", "application/x-ndjson")
    assert resolved(document, lines["examples"]["length"])["value"]["data"] == 2
    titles = answer(document, "POST", "/ideas", "text/csv")
    assert titles["schema"]["type"] == "string"
    assert "," in resolved(document, titles["examples"]["titles"])["value"]
    briefs = operations(document)["POST", "/briefs"]["responses"]["200"]["content"]
    assert "text/csv" not in briefs
    assert "length" not in briefs["text/event-stream"]["schema"]["x-event-data"]


def test_openapi_32_types_its_events() -> None:
    document = openapi(REGISTRY, ["demo"], version="1", item_schemas=True)
    assert "length" in titles(document, "/ideas")
    assert "length" not in titles(document, "/briefs")
    for path in ("/ideas", "/movies"):
        assert {"$ref": "#/components/schemas/LengthLine"} in lines(document, path)
    line = document["components"]["schemas"]["LengthLine"]
    assert line["properties"]["data"] == {"$ref": "#/components/schemas/LengthEvent"}
    assert line["required"] == ["event", "data", "id"]


def test_openapi_tells_what_a_format_of_events_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = replace(
        TITLES, name="sums", format=SSE_WITH_COMMENTS, data=ViewData({"type": "integer"}, end="bye")
    )
    monkeypatch.setitem(VIEWS, "sums", sums)
    document = openapi(REGISTRY, ["demo"], version="1", item_schemas=True)
    events = answer(document, "POST", "/ideas")["itemSchema"]["anyOf"]
    data = {event["title"]: event["properties"]["data"] for event in events}
    assert data["sums"]["contentSchema"] == {"type": "integer"}
    assert data["sums-end"] == {"const": "bye"}
    assert not {"sums", "sums-end"} & set(titles(document, "/briefs"))
    text = answer(of(REGISTRY), "POST", "/ideas")["schema"]
    assert "`ui-message` and `ag-ui` and `sums`" in text["description"]


def titles(document: Json, path: str) -> list[str]:
    events = answer(document, "POST", path)["itemSchema"]["anyOf"]
    return [event["title"] for event in events]


def lines(document: Json, path: str) -> list[Json]:
    line = answer(document, "POST", path, NDJSON.media_type)["itemSchema"]
    found: list[Json] = resolved(document, line)["oneOf"]
    return found


async def read(service: Service, path: str, *, json: Any = None, **headers: str) -> httpx.Response:
    async with http_client(timeout=60, base_url=service.url, headers=headers) as client:
        if json is None:
            return await client.get(path)
        return await client.post(path, json=json)


async def test_the_service_lists_and_streams_it() -> None:
    async with running() as service:
        listed = (await read(service, "/schemas")).json()["schemas"]
        assert {entry["name"]: "length" in entry["views"] for entry in listed} == {
            "briefs": False,
            "ideas": True,
            "movies": True,
            "recipes": True,
        }
        for accept in (SSE.media_type, NDJSON.media_type):
            url = f"{service.url}/ideas?topic=tea&count=2&view=length"
            async with connected(url, Accept=accept) as stream:
                events = await stream.rest()
            assert events[0].data["view"] == "length"
            assert [event.data for event in events if event.event == "length"][-1] == 2
            assert events[-1].event == "done"


async def test_it_may_have_a_format_and_a_body_of_its_own() -> None:
    async with running() as service:
        answer = await read(
            service, "/ideas?view=titles", json={"about": "tea", "separator": " | "}
        )
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["x-titles"] == "yes"
        assert answer.text.count(" | ") == 4  # between the five that there are by default
        plain = await read(service, "/ideas?topic=tea&count=2&view=titles")
        assert (plain.status_code, plain.text.count(",")) == (200, 1)


@pytest.mark.parametrize("view", ["length", "titles"])
async def test_it_is_refused_where_it_does_not_fit(view: str) -> None:
    async with running() as service:
        answer = await read(service, f"/briefs?topic=tea&view={view}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"path": "/view", "message": "is for lists"}]


def test_the_rows_agree_with_themselves() -> None:
    entry = REGISTRY.get("ideas")
    media_types = [format.media_type for format in FORMATS]
    assert media_types == ["text/event-stream", "application/x-ndjson"]
    for name, spec in VIEWS.items():
        view = spec.make(ViewContext(entry, "R"))
        assert spec.name == name
        assert (spec.format is None) == isinstance(view, NativeView)
        assert not isinstance(view, NativeView) or view.name == name
        assert spec.summary
        assert (spec.format is None) == (spec.contents == "")
        has_events = spec.format is not None and spec.format.media_type == SSE.media_type
        assert has_events == (spec.data is not None)
    assert [spec.name for spec in specs_of(entry)] == list(VIEWS)


def test_a_heartbeat_is_an_event_but_for_clients_of_other_formats() -> None:
    def heartbeat(view: str) -> bytes:
        format = VIEWS[view].format
        assert format is not None
        return format.heartbeat

    assert SSE.heartbeat == b"event: ping\ndata: null\n\n"
    assert json.loads(NDJSON.heartbeat) == {"event": "ping", "data": None}
    assert heartbeat("ui-message") == heartbeat("ag-ui") == b": ping\n\n"
    assert heartbeat("text") == b" "
