"""AG-UI's events, to the byte; and that its patches lead to the state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import jsonpatch
from hypothesis import given
from pydantic import BaseModel

from app.errors import OutputInvalid
from app.partial.invalid import Invalid
from app.partial.operation import Add, Append, Replace
from app.partial.plan import plan
from app.streams.log_entry import Done, Failed, LogEntry, Restart, Usage
from app.views.ag_ui import FORMAT, AgUiView
from tests.partial.models import Case, cases
from tests.partial.texts import pieces
from tests.support.examples import searched
from tests.views.scripted import ScriptedRun, stream


class Idea(BaseModel):
    title: str
    score: int


START = (
    'data: {"type":"RUN_STARTED","threadId":"t1","runId":"u1","protocolVersion":"1.0",'
    '"metadata":{"stream":"r1","schema":"ideas","schema_version":"0123456789ab",'
    '"model":"demo"}}\n\n'
)


def read(*batches: list[LogEntry], type: Any = list[Idea]) -> str:
    return stream(FORMAT, AgUiView("q1", plan(type), "t1", "u1"), *batches)


def test_a_snapshot_and_then_what_changes() -> None:
    assert read(
        [Replace((), [{"title": "Ba", "score": None}])],
        [Append((0, "title"), "nana"), Replace((0, "score"), 3)],
        [Add((1,), {"title": "Te", "score": None}), Append((1, "title"), "a")],
        [Replace((1, "score"), 5), Usage(20, 30, 1), Done()],
    ) == START + (
        'data: {"type":"STATE_SNAPSHOT","snapshot":[{"title":"Ba","score":null}]}\n\n'
        'data: {"type":"STATE_DELTA","delta":['
        '{"op":"replace","path":"/0/title","value":"Banana"},'
        '{"op":"replace","path":"/0/score","value":3}]}\n\n'
        'data: {"type":"STATE_DELTA","delta":['
        '{"op":"add","path":"/1","value":{"title":"Tea","score":null}}]}\n\n'
        'data: {"type":"STATE_DELTA","delta":['
        '{"op":"replace","path":"/1/score","value":5}]}\n\n'
        'data: {"type":"RUN_FINISHED","threadId":"t1","runId":"u1","usage":['
        '{"model":"demo","inputTokens":20,"outputTokens":30,"totalTokens":50}],'
        '"metadata":{"attempts":1},'
        '"result":[{"title":"Banana","score":3},{"title":"Tea","score":5}]}\n\n'
    )


def test_a_restart_is_a_new_snapshot() -> None:
    assert read(
        [Replace((), [{"title": "Ba", "score": None}])],
        [Restart(2, "output_invalid", [{"path": "/0/score", "message": "must be a whole number"}])],
        [Replace((), [{"title": "Tea", "score": None}])],
        [Done()],
    ) == START + (
        'data: {"type":"STATE_SNAPSHOT","snapshot":[{"title":"Ba","score":null}]}\n\n'
        'data: {"type":"STATE_SNAPSHOT","metadata":{"restart":{"attempt":2,'
        '"code":"output_invalid",'
        '"errors":[{"path":"/0/score","message":"must be a whole number"}]}},"snapshot":[]}\n\n'
        'data: {"type":"STATE_DELTA","delta":['
        '{"op":"replace","path":"","value":[{"title":"Tea","score":null}]}]}\n\n'
        'data: {"type":"RUN_FINISHED","threadId":"t1","runId":"u1",'
        '"result":[{"title":"Tea","score":null}]}\n\n'
    )


def test_a_slow_reader_gets_one_snapshot_of_all() -> None:
    assert read(
        [
            Replace((), [{"title": "Ba", "score": None}]),
            Restart(2, "output_invalid", []),
            Replace((), [{"title": "T", "score": None}]),
            Append((0, "title"), "ea"),
            Done(),
        ]
    ) == START + (
        'data: {"type":"STATE_SNAPSHOT","metadata":{"restart":'
        '{"attempt":2,"code":"output_invalid","errors":[]}},'
        '"snapshot":[{"title":"Tea","score":null}]}\n\n'
        'data: {"type":"RUN_FINISHED","threadId":"t1","runId":"u1",'
        '"result":[{"title":"Tea","score":null}]}\n\n'
    )


def test_an_error_is_the_last_event() -> None:
    detail = {"path": "/0/score", "message": "is required"}
    assert read(
        [Replace((), [])],
        [Usage(20, 30, 3), Failed.of(OutputInvalid(errors=[detail]))],
    ) == START + (
        'data: {"type":"STATE_SNAPSHOT","snapshot":[]}\n\n'
        'data: {"type":"RUN_ERROR",'
        '"message":"The model\'s answer does not satisfy the schema.","code":"output_invalid",'
        '"metadata":{"retryable":true,"request_id":"q1",'
        '"errors":[{"path":"/0/score","message":"is required"}],"attempts":3},'
        '"usage":[{"model":"demo","inputTokens":20,"outputTokens":30,"totalTokens":50}]}\n\n'
    )


def test_a_key_that_the_client_refuses_in_a_patch_comes_in_a_snapshot() -> None:
    assert read(
        [Replace((), {})],
        [Add(("__proto__",), 1)],
        [Add(("constructor",), {})],
        [Add(("constructor", "prototype"), 2)],
        [Add(("prototype",), 3)],
        type=dict[str, Any],
    ) == START + (
        'data: {"type":"STATE_SNAPSHOT","snapshot":{}}\n\n'
        'data: {"type":"STATE_SNAPSHOT","snapshot":{"__proto__":1}}\n\n'
        'data: {"type":"STATE_DELTA","delta":[{"op":"add","path":"/constructor","value":{}}]}\n\n'
        'data: {"type":"STATE_SNAPSHOT",'
        '"snapshot":{"__proto__":1,"constructor":{"prototype":2}}}\n\n'
        'data: {"type":"STATE_DELTA","delta":[{"op":"add","path":"/prototype","value":3}]}\n\n'
    )


def test_a_string_in_what_is_replaced_by_something_else_is_left_out() -> None:
    assert read(
        [Replace((), {"a": {"b": "x"}, "c": [["y"]]})],
        [
            Append(("a", "b"), "x"),
            Replace(("a",), None),
            Append(("c", 0, 0), "y"),
            Replace(("c",), "whole"),
        ],
        type=dict[str, Any],
    ).splitlines()[-2] == (
        'data: {"type":"STATE_DELTA","delta":['
        '{"op":"replace","path":"/a","value":null},{"op":"replace","path":"/c","value":"whole"}]}'
    )


def test_a_result_that_is_null_is_left_out_as_the_protocol_allows_none() -> None:
    assert read([Replace((), None)], [Done()], type=None | int) == START + (
        'data: {"type":"STATE_SNAPSHOT","snapshot":null}\n\n'
        'data: {"type":"RUN_FINISHED","threadId":"t1","runId":"u1"}\n\n'
    )


def test_ids_are_the_callers_whatever_is_in_them() -> None:
    thread, run = 'a"\n\ndata: {}\n\n', "ü"
    text = stream(
        FORMAT, AgUiView("q1", plan(list[Idea]), thread, run), [Replace((), [])], [Done()]
    )
    first, *_, last = (json.loads(part[6:]) for part in text.split("\n\n") if part)
    assert [(event["threadId"], event["runId"]) for event in (first, last)] == [(thread, run)] * 2


def test_ids_are_made_where_the_caller_has_given_none() -> None:
    text = stream(FORMAT, AgUiView("q1", plan(list[Idea])), [Replace((), [])], [Done()])
    first, *_, last = (json.loads(part[6:]) for part in text.split("\n\n") if part)
    assert (first["threadId"], first["runId"]) == (last["threadId"], last["runId"])
    assert UUID(first["threadId"]) != UUID(first["runId"])


def test_the_format_is_an_event_stream() -> None:
    assert FORMAT.media_type == "text/event-stream"
    assert FORMAT.headers == {}
    assert FORMAT.heartbeat == b": ping\n\n"


def log(case: Case) -> Iterator[LogEntry]:
    """The log of an attempt that breaks off, and of one that doesn't."""
    cut = pieces(case.text, case.random)
    for texts in (cut[: len(cut) // 2], cut):
        decoder = case.decoder()
        try:
            for text in texts:
                yield from decoder.feed(text)
        except Invalid as error:
            yield Failed.of(OutputInvalid(errors=error.errors))
            return
        yield Done() if texts is cut else Restart(2, "provider_interrupted", [])


def batches(case: Case) -> list[list[LogEntry]]:
    random, out = case.random, [[]]
    for entry in log(case):
        if random.random() < 0.5:
            out.append([])
        out[-1].append(entry)
    return out


@searched(40)
@given(cases())
def test_applying_the_patches_gives_the_state(case: Case) -> None:
    run, view = ScriptedRun(), AgUiView("q1", case.root, "t1", "u1")
    state: Any = None
    for batch in batches(case):
        run.write(batch)
        for message in view.messages(run, batch, run.position):
            event = json.loads(message.data)
            if event["type"] == "STATE_SNAPSHOT":
                state = event["snapshot"]
            elif event["type"] == "STATE_DELTA":
                state = jsonpatch.apply_patch(state, event["delta"])
        if run.document.known:
            assert json.dumps(state) == json.dumps(json.loads(run.document.encode()))
