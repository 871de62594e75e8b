"""The `delta` view, to the byte; and what holds of any stream of patches."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.demo.text import write_value
from app.errors import OutputInvalid
from app.partial.operation import Add, Append, Replace
from app.streams.log_entry import Done, ElementClosed, Failed, LogEntry, Restart, Usage
from app.views.delta import DeltaView
from app.views.format import NDJSON, SSE
from app.views.message import Message
from tests.partial.models import Case, cases
from tests.support.examples import searched
from tests.support.schema_files import REGISTRY
from tests.views.played import UNKNOWN, ViewReader, applied, play, play_to
from tests.views.scripted import stream

START = (
    'event: start\ndata: {"stream":"r1","schema":"ideas","schema_version":"0123456789ab",'
    '"model":"demo","view":"delta"}\n'
    "id: r1-0\nretry: 2000\n\n"
)


def read(*batches: list[LogEntry]) -> str:
    return stream(SSE, DeltaView("q1"), *batches)


def test_what_changes_is_sent() -> None:
    assert read(
        [Replace((), [{"title": "Cake of oats, ricotta, lemon and ba", "score": None}])],
        [Append((0, "title"), "na"), Append((0, "title"), "na"), Replace((0, "score"), 3)],
        [ElementClosed(0), Add((1,), {"title": "Te", "score": None}), Append((1, "title"), "a")],
        [ElementClosed(1), Usage(20, 30, 1), Done()],
    ) == START + (
        "event: patch\n"
        'data: [{"op":"replace","path":"","value":[{"title":"Cake of oats, ricotta, lemon and ba",'
        '"score":null}]}]\nid: r1-1\n\n'
        "event: patch\n"
        'data: [{"op":"append","path":"/0/title","value":"nana"},'
        '{"op":"replace","path":"/0/score","value":3}]\nid: r1-4\n\n'
        "event: patch\n"
        'data: [{"op":"add","path":"/1","value":{"title":"Tea","score":null}}]\nid: r1-7\n\n'
        'event: usage\ndata: {"input_tokens":20,"output_tokens":30,"attempts":1}\nid: r1-9\n\n'
        "event: done\n"
        'data: [{"title":"Cake of oats, ricotta, lemon and banana","score":3},'
        '{"title":"Tea","score":null}]\nid: r1-10\n\n'
    )


def test_what_a_restart_undoes_is_left_out_and_the_next_patch_replaces_everything() -> None:
    detail = {"path": "/0/score", "message": "must be a whole number"}
    assert read(
        [Replace((), [{"title": "Ba"}])],
        [
            Append((0, "title"), "na"),
            Restart(2, "output_invalid", [detail]),
            Replace((), []),
            Add((0,), {"title": "T"}),
        ],
        [Failed.of(OutputInvalid(errors=[detail]))],
    ) == START + (
        'event: patch\ndata: [{"op":"replace","path":"","value":[{"title":"Ba"}]}]\nid: r1-1\n\n'
        'event: restart\ndata: {"attempt":2,"code":"output_invalid",'
        '"errors":[{"path":"/0/score","message":"must be a whole number"}]}\nid: r1-3\n\n'
        'event: patch\ndata: [{"op":"replace","path":"","value":[{"title":"T"}]}]\nid: r1-5\n\n'
        'event: error\ndata: {"error":"The model\'s answer does not satisfy the schema.",'
        '"code":"output_invalid","retryable":true,"request_id":"q1",'
        '"errors":[{"path":"/0/score","message":"must be a whole number"}]}\nid: r1-6\n\n'
    )


def test_what_is_unsent_goes_out_before_the_end() -> None:
    assert [part.split("\n")[0] for part in read([Replace((), 1), Done()]).split("\n\n")] == [
        "event: start",
        "event: patch",
        "event: done",
        "",
    ]


def test_keys_are_escaped_as_pointers_have_it() -> None:
    assert '"path":"/a~1b/~0/0/1"' in read(
        [Replace((), {"a/b": {"~": {"0": [1]}}})], [Add(("a/b", "~", "0", 1), 2)]
    )


def test_where_the_changes_are_longer_than_the_object_it_is_replaced() -> None:
    small = {"a": None, "b": None, "c": None}
    assert read(
        [Replace((), [{"text": "long " * 20, "small": small}])],
        [Replace((0, "small", key), number) for number, key in enumerate("abc")],
    ).endswith(
        'data: [{"op":"replace","path":"/0/small","value":{"a":0,"b":1,"c":2}}]\nid: r1-4\n\n'
    )


def test_where_they_are_shorter_it_is_not() -> None:
    long = {"text": "long " * 40, "a": None, "b": None, "c": None}
    assert read(
        [Replace((), [long])], [Replace((0, key), number) for number, key in enumerate("abc")]
    ).endswith(
        'data: [{"op":"replace","path":"/0/a","value":0},{"op":"replace","path":"/0/b","value":1},'
        '{"op":"replace","path":"/0/c","value":2}]\nid: r1-4\n\n'
    )


def test_a_line_of_json_holds_the_same() -> None:
    assert stream(NDJSON, DeltaView("q1"), [Replace((), [])], [Done()]) == (
        '{"event":"start",'
        '"data":{"stream":"r1","schema":"ideas","schema_version":"0123456789ab",'
        '"model":"demo","view":"delta"},"id":"r1-0"}\n'
        '{"event":"patch","data":[{"op":"replace","path":"","value":[]}],"id":"r1-1"}\n'
        '{"event":"done","data":[],"id":"r1-2"}\n'
    )


# -- any stream -------------------------------------------------------------------------------


def patches(messages: list[Message]) -> list[list[dict[str, Any]]]:
    return [json.loads(message.data) for message in messages if message.event == "patch"]


@searched(50)
@given(cases())
async def test_operations_are_three_and_indices_are_numbers(case: Case) -> None:
    reader = ViewReader(DeltaView("R"), case.random)
    play_to(case, reader)
    state: Any = UNKNOWN
    for message in reader.messages:
        if message.event == "restart":
            state = UNKNOWN
        for operation in patches([message])[0] if message.event == "patch" else ():
            assert operation["op"] in ("add", "replace", "append")
            check_indices(state, operation["path"])
            state = applied(state, operation)


def check_indices(state: Any, path: str) -> None:
    for step in path.split("/")[1:]:
        if isinstance(state, list):
            assert re.fullmatch("0|[1-9][0-9]*", step)
            state = state[int(step)] if int(step) < len(state) else None
        else:
            state = state.get(step.replace("~1", "/").replace("~0", "~"))


@searched(50)
@given(cases())
async def test_the_first_operation_of_a_response_and_of_an_attempt_replaces_everything(
    case: Case,
) -> None:
    reader = ViewReader(DeltaView("R"), case.random)
    run = play_to(case, reader)
    late = ViewReader(DeltaView("R"), case.random, position=run.attempt_began)
    late.read(run)
    for messages in (reader.messages, late.messages):
        begins = True
        for message in messages:
            if message.event == "patch":
                first = json.loads(message.data)[0]
                assert not begins or (first["op"], first["path"]) == ("replace", "")
            begins = message.event in ("start", "restart")


@searched(50)
@given(cases())
async def test_a_string_that_is_being_written_is_last_and_all_else_that_shows_is_complete(
    case: Case,
) -> None:
    """What is appended to later is, in the message before, in the last operation."""
    reader = ViewReader(DeltaView("R"), case.random)
    play_to(case, reader)
    before: list[dict[str, Any]] = []
    for message in reader.messages:
        if message.event == "restart":
            before = []
        if message.event != "patch":
            continue
        operations = json.loads(message.data)
        for operation in operations:
            if operation["op"] == "append":
                *others, last = [before_it["path"] for before_it in before]
                assert holds(last, operation["path"])
                assert not any(holds(other, operation["path"]) for other in others)
        before = operations
        assert [o["op"] for o in operations[1:]].count("append") == 0  # it goes on, or begins


def holds(path: str, place: str) -> bool:
    return place == path or place.startswith(path + "/")


# -- bytes ------------------------------------------------------------------------------------


class Inner(BaseModel):
    kind: str = "none"
    size: int = 0
    open: bool = False
    note: str | None = None
    tags: list[str] = []


class Outer(BaseModel):
    title: str
    inner: Inner
    other: Inner = Inner()
    count: int
    many: list[Inner] = []
    summary: str
    language: str = "en"


_sentences = st.text("abcdefgh ö\n", min_size=30, max_size=150)
_inner = st.fixed_dictionaries(
    {"kind": _sentences},
    optional={"size": st.integers(0, 999), "tags": st.lists(_sentences, max_size=3)},
)
_outer = st.fixed_dictionaries(
    {"title": _sentences, "inner": _inner, "count": st.integers(0, 99), "summary": _sentences},
    optional={"other": _inner, "many": st.lists(_inner, max_size=3)},
)


def tokens(text: str, random: Random) -> list[str]:
    at, cut = 0, []
    while at < len(text):
        size = random.randint(1, 8)
        cut.append(text[at : at + size])
        at += size
    return cut


def pace(size: int) -> Callable[[str, Random], list[str]]:
    """Cuts text into pieces of about so many characters: a reader's messages."""

    def cut(text: str, random: Random) -> list[str]:
        at, pieces = 0, []
        while at < len(text):
            end = at + max(1, round(random.gauss(size, size / 5)))
            pieces.append(text[at:end])
            at = end
        return pieces

    return cut


async def excess(case: Case, cut: Callable[[str, Random], list[str]] = tokens) -> int:
    """By how many bytes a stream is longer than it may be, with a message for each piece."""
    reader = ViewReader(DeltaView("R"), case.random)
    for run in play(case, spoilt=0, cut=cut):
        reader.read(run)
    assert isinstance(run.outcome, Done)
    total = sum(len(SSE.encode(message)) for message in reader.messages)
    # The bound is about patches; `start` tells the schema's version once.
    total -= len('"schema_version":"0123456789ab",')
    return total - 130 * len(reader.messages) - 2 * len(run.document.encode())


@searched(20)
@given(st.lists(_outer, min_size=1, max_size=3), st.integers(0, 2**16))
async def test_defaults_and_nested_models_take_few_bytes(values: list[Any], seed: int) -> None:
    case = Case(list[Outer], "items", json.dumps({"items": values}), seed)
    assert await excess(case) <= 0


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        # At any pace; and at up to 40 characters a message, which is 800 a second at the
        # default interval. Beyond, RFC 6902's words for many small fields take more.
        ("ideas", [5, 40, 80, 120, 200, 300, 400, 1000, 5000]),
        ("movies", [5, 40, 80, 120, 200, 300, 400, 1000, 5000]),
        ("recipes", [5, 10, 20, 40]),
        ("briefs", [5, 10, 20, 36]),
    ],
)
async def test_our_own_schemas_take_few_bytes(name: str, sizes: list[int]) -> None:
    entry = REGISTRY.get(name)
    schema = entry.response_model(5 if entry.is_list else None).json_schema
    for size, seed in itertools.product(sizes, range(8)):
        text = json.dumps(write_value(schema, "figs", str(seed)))
        case = Case(entry.schema.result, entry.root_key, text, seed)
        assert await excess(case, pace(size)) <= 0, (size, seed)
