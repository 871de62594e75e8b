"""What a reader of each view ends up with, out of the bytes that it is sent.

Each function takes a whole response, checks what its view promises on the way, and gives the
value that the reader has at the end, or the code of the error that it is told instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import jsonpatch
from jsonschema import Draft202012Validator

from tests.support.events import dispatched, messages
from tests.views.played import UNKNOWN, applied, canonical


class End(NamedTuple):
    """How a response ends. code: None where it ends in a value"""

    value: Any
    code: str | None


def snapshot(body: bytes, partial_schema: dict[str, Any]) -> End:
    """Each partial is valid and grows out of the one before. The last one is the value."""
    validator = Draft202012Validator(partial_schema)
    state: Any = None
    for message in messages(body):
        if message.event == "restart":
            state = None
        elif message.event is None:
            validator.validate(message.data)
            assert has_grown(state, message.data), (state, message.data)
            state = message.data
    return _native_end(body, state)


def has_grown(before: Any, after: Any) -> bool:
    """Whether a partial keeps all that the one before has shown."""
    match before, after:
        case None, _:
            return True
        case str(), str():
            return after.startswith(before)
        case dict(), dict():
            return all(key in after and has_grown(before[key], after[key]) for key in before)
        case list(), list():
            return len(before) <= len(after) and all(map(has_grown, before, after))
    return canonical(before) == canonical(after)


def delta(body: bytes, _: Any) -> End:
    """The patches make the value."""
    state: Any = UNKNOWN
    for message in messages(body):
        if message.event == "restart":
            state = UNKNOWN
        elif message.event == "patch":
            for operation in message.data:
                state = applied(state, operation)
    return _native_end(body, state)


def items(body: bytes, _: Any) -> End:
    """The items are the value's elements."""
    found: list[Any] = []
    for message in messages(body):
        if message.event == "restart":
            found.clear()
        elif message.event == "item":
            found.append(message.data)
    return _native_end(body, found)


def _native_end(body: bytes, state: Any) -> End:
    last = messages(body)[-1]
    if last.event == "error":
        return End(None, last.data["code"])
    assert canonical(state) == canonical(last.data)
    return End(last.data, None)


def text(body: bytes, _: Any) -> End:
    """The whole is the value's JSON."""
    return End(json.loads(body), None)


def ui_message(body: bytes, _: Any) -> End:
    """The last data part is the value."""
    *chunks, last = [event.data for event in dispatched(body)]
    assert last == "[DONE]"
    parts = [json.loads(chunk) for chunk in chunks]
    metadata = [part["messageMetadata"] for part in parts if part["type"] == "message-metadata"]
    if parts[-1]["finishReason"] == "error":
        assert parts[-2]["type"] == "error"
        return End(None, metadata[-1]["error"]["code"])
    return End([part["data"] for part in parts if part["type"].startswith("data-")][-1], None)


def ag_ui(body: bytes, _: Any) -> End:
    """The state that snapshots and patches make is the result."""
    *events, last = [json.loads(event.data) for event in dispatched(body)]
    if last["type"] == "RUN_ERROR":
        return End(None, last["code"])
    state: Any = None
    for event in events:
        if event["type"] == "STATE_SNAPSHOT":
            state = event["snapshot"]
        elif event["type"] == "STATE_DELTA":
            state = jsonpatch.apply_patch(state, event["delta"])
    assert last["type"] == "RUN_FINISHED"
    assert canonical(state) == canonical(last["result"])
    return End(state, None)


READERS: Final[dict[str, Callable[[bytes, Any], End]]] = {
    "snapshot": snapshot,
    "delta": delta,
    "items": items,
    "text": text,
    "ui-message": ui_message,
    "ag-ui": ag_ui,
}
"""A reader for each view."""
