"""Operations make one value into the next, and leave the one before alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from structured_streams.patch import Path, apply, tip

from tests.support.connection import connected
from tests.support.service import running

BEGUN = {"title": "Te", "tags": ["hot"], "author": {"name": None}}


def op(op: str, path: str, value: Any) -> dict[str, Any]:
    return {"op": op, "path": path, "value": value}


@pytest.mark.parametrize(
    ("operations", "value", "open"),
    [
        ([op("append", "/title", "a")], {**BEGUN, "title": "Tea"}, ("title",)),
        ([op("add", "/tags/1", "co")], {**BEGUN, "tags": ["hot", "co"]}, ("tags", 1)),
        ([op("add", "/tags/0", "cold")], {**BEGUN, "tags": ["cold", "hot"]}, ("tags", 0)),
        ([op("replace", "/tags/0", "cold")], {**BEGUN, "tags": ["cold"]}, ("tags", 0)),
        ([op("add", "/a~1b~0", 1)], {**BEGUN, "a/b~": 1}, ()),
        ([op("replace", "/author", {"name": "A"})], {**BEGUN, "author": {"name": "A"}}, None),
        ([op("replace", "", [])], [], ()),
        ([op("add", "/tags/1", ""), op("append", "/tags/1", "x")], None, ("tags", 1)),
    ],
)
def test_an_operation_does_what_rfc_6902_says(
    operations: list[dict[str, Any]], value: Any, open: Path | None
) -> None:
    before = copy.deepcopy(BEGUN)
    found, path = apply(BEGUN, operations)
    assert before == BEGUN
    assert found == (value if value is not None else {**BEGUN, "tags": ["hot", "x"]})
    assert path == (open if open is not None else ("author", "name"))


def test_what_did_not_change_is_the_same_object_and_what_was_kept_does_not_change() -> None:
    first, _ = apply(None, [op("replace", "", [{"a": "x", "b": []}, {"a": "y", "b": []}])])
    second, _ = apply(
        first,
        [op("append", "/1/a", "!"), op("add", "/1/b/0", 1), op("add", "/1/b/1", 2)],
    )
    assert first == [{"a": "x", "b": []}, {"a": "y", "b": []}]
    assert second == [{"a": "x", "b": []}, {"a": "y!", "b": [1, 2]}]
    assert second[0] is first[0]


@pytest.mark.parametrize(
    "operation",
    [
        op("append", "/none", "x"),
        op("append", "/tags", "x"),
        op("add", "/title/0", 1),
        op("add", "/author/name/first", 1),
        op("replace", "/tags/9", 1),
        {"op": "add"},
    ],
)
def test_an_operation_that_does_not_fit_is_an_error(operation: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        apply(BEGUN, [operation])


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (None, ()),
        ("Te", ()),
        ([], ()),
        ([{"a": None}], (0,)),
        ({"a": "x", "b": None}, ("a",)),
        ({"a": "x", "b": [], "c": {"d": None}}, ("a",)),
        ({"a": "x", "b": 7, "c": None}, ()),
        ({"a": "x", "b": ["y", "z"]}, ("b", 1)),
    ],
)
def test_a_value_is_being_written_at_its_last_known_string(value: Any, path: Path) -> None:
    assert tip(value) == path


@pytest.mark.parametrize("schema", ["briefs", "ideas", "movies", "recipes"])
async def test_the_service_s_patches_lead_from_nothing_to_the_final_value(schema: str) -> None:
    value: Any = None
    url = f"/{schema}?topic=tea&view=delta&interval_ms=0"
    async with running() as service, connected(service.url + url) as connection:
        kept = []
        while event := await connection.next():
            if event.event == "patch":
                value, _ = apply(value, event.data)
                kept.append((value, copy.deepcopy(value)))
            elif event.event == "done":
                assert value == event.data
    assert len(kept) > 1
    assert all(was == now for was, now in kept)
