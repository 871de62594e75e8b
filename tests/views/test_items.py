"""The `items` view, to the byte; and each element once, whole and in order, in any stream."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import OutputInvalid
from app.partial.decoder import Decoder
from app.partial.node import List
from app.partial.operation import Add, Append, Replace
from app.streams.log_entry import Done, ElementClosed, Failed, LogEntry, Restart, Usage
from app.views.format import NDJSON, SSE
from app.views.items import ItemsView
from app.views.message import Message
from tests.partial.kinds import Kind
from tests.partial.models import Case, cases, generated, kinds
from tests.support.examples import searched
from tests.views.played import ViewReader, canonical, play, play_to
from tests.views.scripted import stream

START = (
    'event: start\ndata: {"stream":"r1","schema":"ideas","schema_version":"0123456789ab",'
    '"model":"demo","view":"items"}\n'
    "id: r1-0\nretry: 2000\n\n"
)


def read(*batches: list[LogEntry]) -> str:
    return stream(SSE, ItemsView("q1"), *batches)


def test_each_element_is_an_item_when_it_has_closed() -> None:
    assert read(
        [Replace((), [{"title": "Ba"}])],
        [Append((0, "title"), "nana")],
        [
            ElementClosed(0),
            Add((1,), {"title": "Tea"}),
            Add((2,), {"title": "F"}),
            ElementClosed(1),
        ],
        [Append((2, "title"), "igs"), ElementClosed(2), Usage(20, 30, 1), Done()],
    ) == START + (
        'event: item\ndata: {"title":"Banana"}\nid: r1-3\n\n'
        'event: item\ndata: {"title":"Tea"}\nid: r1-6\n\n'
        'event: item\ndata: {"title":"Figs"}\nid: r1-8\n\n'
        'event: usage\ndata: {"input_tokens":20,"output_tokens":30,"attempts":1}\nid: r1-9\n\n'
        "event: done\n"
        'data: [{"title":"Banana"},{"title":"Tea"},{"title":"Figs"}]\nid: r1-10\n\n'
    )


def test_after_a_restart_the_elements_come_anew_and_those_undone_are_left_out() -> None:
    assert read(
        [Replace((), ["a"]), ElementClosed(0)],
        [Add((1,), "b"), ElementClosed(1), Restart(2, "output_invalid", []), Replace((), ["c"])],
        [ElementClosed(0), Done()],
    ) == START + (
        'event: item\ndata: "a"\nid: r1-2\n\n'
        'event: restart\ndata: {"attempt":2,"code":"output_invalid","errors":[]}\nid: r1-5\n\n'
        'event: item\ndata: "c"\nid: r1-7\n\n'
        'event: done\ndata: ["c"]\nid: r1-8\n\n'
    )


def test_an_error_is_the_last_event() -> None:
    assert read([Replace((), ["a"]), ElementClosed(0), Failed.of(OutputInvalid())]) == START + (
        'event: item\ndata: "a"\nid: r1-2\n\n'
        'event: error\ndata: {"error":"The model\'s answer does not satisfy the schema.",'
        '"code":"output_invalid","retryable":true,"request_id":"q1"}\nid: r1-3\n\n'
    )


def test_a_line_of_json_holds_the_same() -> None:
    assert stream(NDJSON, ItemsView("q1"), [Replace((), ["a"]), ElementClosed(0), Done()]) == (
        '{"event":"start",'
        '"data":{"stream":"r1","schema":"ideas","schema_version":"0123456789ab",'
        '"model":"demo","view":"items"},"id":"r1-0"}\n'
        '{"event":"item","data":"a","id":"r1-2"}\n'
        '{"event":"done","data":["a"],"id":"r1-3"}\n'
    )


# -- any stream -------------------------------------------------------------------------------


def a_list(kind: Kind) -> Kind:
    return Kind(list[kind.type], st.lists(kind.values, max_size=6))


def lists() -> Any:
    """Lists whose elements are final when they close."""
    return cases((generated() | kinds(2)).map(a_list))


def has_items(case: Case) -> bool:
    return type(case.root) is List and not case.root.changing


def since_restart(messages: list[Message]) -> list[str]:
    """The items of the last attempt."""
    items: list[str] = []
    for message in messages:
        if message.event == "restart":
            items = []
        elif message.event == "item":
            items.append(canonical(message.data))
    return items


def elements(value: Any) -> list[str]:
    return [canonical(element) for element in json.loads(value)]


@searched(50)
@given(lists())
async def test_each_element_comes_once_and_whole_and_in_order(case: Case) -> None:
    assume(has_items(case))
    readers = [ViewReader(ItemsView("R"), case.random) for _ in range(3)]
    run = play_to(case, *readers)
    for reader in readers:
        if isinstance(run.outcome, Done):
            assert since_restart(reader.messages) == elements(run.document.encode())
        positions = [int(m.id.split("-")[1]) for m in reader.messages if m.id]
        assert positions == sorted(set(positions))


@searched(50)
@given(lists())
async def test_an_element_is_told_as_soon_as_it_has_closed_and_validated(case: Case) -> None:
    """What is told is what the validated elements, so far, are written as."""
    assume(has_items(case) and case.is_valid())
    made: list[Decoder] = []

    def decoder() -> Decoder:
        made.append(case.decoder())
        return made[-1]

    reader = ViewReader(ItemsView("R"), case.random)
    for run in play(case, decoder=decoder, spoilt=0):
        reader.read(run)
        assert len(since_restart(reader.messages)) == (made[-1].elements if made else 0)


@searched(66)
@given(lists(), st.integers(1, 3))
async def test_a_list_that_stops_at_its_count_has_told_all_its_elements(
    case: Case, count: int
) -> None:
    assume(has_items(case))
    reader = ViewReader(ItemsView("R"), case.random)
    run = play_to(
        case, reader, decoder=lambda: Decoder(case.root, key=case.key, bound=count), spoilt=0
    )
    told = since_restart(reader.messages)
    assert len(told) <= count
    if isinstance(run.outcome, Done):
        assert told == elements(run.document.encode())


@searched(66)
@given(lists())
async def test_who_comes_back_after_any_item_misses_none_and_has_none_twice(case: Case) -> None:
    assume(has_items(case))
    random = case.random
    cut, got = ViewReader(ItemsView("R"), random), []
    for run in play(case):
        for message in cut.maybe_read(run):
            got.append(message)
            if random.random() < 0.5:  # the rest is lost
                assert message.id is not None
                cut = ViewReader(ItemsView("R"), random, position=int(message.id.split("-")[1]))
                break
    while cut.position < run.position:
        got += cut.read(run)
    if isinstance(run.outcome, Done):
        assert since_restart(got) == elements(run.document.encode())
