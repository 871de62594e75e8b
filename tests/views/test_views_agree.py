"""Any readers of one stream agree, whatever their views, and whatever pace they keep."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from app.partial.document import Document
from app.partial.node import List
from app.partial.operation import Operation
from app.streams.log_entry import Done, Restart
from app.streams.stream import Stream
from app.views.ag_ui import AgUiView
from app.views.delta import DeltaView
from app.views.items import ItemsView
from app.views.message import Message
from app.views.snapshot import SnapshotView
from app.views.ui_message import UiMessageView
from tests.partial.models import Case, cases
from tests.support.examples import searched
from tests.views.played import UNKNOWN, Patched, ViewReader, canonical, play, play_to


def newest(stream: Stream) -> Any:
    """The value of a snapshot reader that attaches now."""
    entries = stream.log.since(stream.attempt_began)
    made = SnapshotView("R").messages(stream, entries, stream.position)
    plain = [message.data for message in made if message.event is None]
    return json.loads(plain[-1]) if plain else UNKNOWN


def said(messages: list[Message]) -> list[tuple[str | None, bytes]]:
    """All but partials and ids."""
    told = ("restart", "usage", "done", "error")
    return [(m.event, m.data) for m in messages if m.event in told]


@searched(66)
@given(cases())
async def test_operations_lead_a_delta_reader_to_what_a_snapshot_reader_sees(case: Case) -> None:
    client, reader = Patched(), ViewReader(DeltaView("R"), case.random)
    for stream in play(case):
        for message in reader.maybe_read(stream):
            client.take(message)
        if reader.position != stream.position:
            continue
        seen = newest(stream)
        if seen is UNKNOWN:
            assert client.state is UNKNOWN
        else:
            assert canonical(client.state) == canonical(seen)


@searched(66)
@given(cases())
async def test_the_state_is_what_the_log_says_even_where_an_attempt_has_failed(case: Case) -> None:
    for stream in play(case, spoilt=2):
        applied = Document()
        applied.apply(e for e in stream.log.since(stream.attempt_began) if isinstance(e, Operation))
        assert applied.known is stream.document.known
        assert canonical(applied.value) == canonical(stream.document.value)
        assert canonical(stream.document.encode()) == canonical(stream.document.value)


@searched(66)
@given(cases())
async def test_readers_of_any_view_and_pace_are_told_the_same_and_end_alike(case: Case) -> None:
    random = case.random
    views = [
        SnapshotView,
        SnapshotView,
        DeltaView,
        DeltaView,
        *([ItemsView, ItemsView] if has_items(case) else []),
    ]
    readers = [ViewReader(view("R"), random) for view in views]
    quick = ViewReader(DeltaView("R"), random)
    quick._chance = 1
    stream = play_to(case, quick, *readers)
    for reader in readers:
        assert said(reader.messages) == said(quick.messages)
        if isinstance(stream.outcome, Done):
            assert reader.messages[-1].event == "done"
            assert reader.messages[-1].data == stream.document.encode()


def has_items(case: Case) -> bool:
    return type(case.root) is List and not case.root.changing


@searched(66)
@given(cases())
async def test_the_last_state_of_every_reader_is_done(case: Case) -> None:
    random = case.random
    delta, snapshot = ViewReader(DeltaView("R"), random), ViewReader(SnapshotView("R"), random)
    ui, ag = (
        ViewReader(UiMessageView("R", case.root, "M"), random),
        ViewReader(AgUiView("R", case.root, "T", "U"), random),
    )
    stream = play_to(case, delta, snapshot, ui, ag)
    if not isinstance(stream.outcome, Done):
        return
    done = canonical(stream.document.value)
    client = Patched()
    for message in delta.messages:
        client.take(message)
    assert canonical(client.state) == done
    assert canonical([m.data for m in snapshot.messages if m.event is None][-1]) == done
    parts = [json.loads(m.data) for m in ui.messages if m.data != b"[DONE]"]
    assert canonical([p["data"] for p in parts if p["type"] == "data-ideas"][-1]) == done
    finished = json.loads(ag.messages[-1].data)
    assert finished["type"] == "RUN_FINISHED"
    assert canonical(finished.get("result")) == done


@searched(66)
@given(cases())
async def test_who_comes_back_after_any_position_gets_exactly_what_is_missing(case: Case) -> None:
    """A delta reader that is cut off after each of its messages, now and then."""
    random = case.random
    cut = ViewReader(DeltaView("R"), random)
    client = Patched()
    for stream in play(case):
        for message in cut.maybe_read(stream):
            client.take(message)
            if random.random() < 0.5:  # the rest is lost
                assert message.id is not None
                cut = ViewReader(DeltaView("R"), random, position=int(message.id.split("-")[1]))
                break
    while cut.position < stream.position:
        for message in cut.read(stream):
            client.take(message)
    if isinstance(stream.outcome, Done):
        assert canonical(client.state) == canonical(stream.document.value)


@searched(66)
@given(cases())
async def test_ids_are_positions_and_grow(case: Case) -> None:
    random = case.random
    readers = [ViewReader(view("R"), random) for view in (SnapshotView, DeltaView)]
    stream = play_to(case, *readers)
    for reader in readers:
        ids = [message.id.split("-") for message in reader.messages if message.id]
        positions = [int(position) for _, position in ids]
        assert positions == sorted(set(positions))
        assert positions[-1] == stream.position
        for (_, position), message in zip(ids, [m for m in reader.messages if m.id], strict=True):
            if message.event == "restart":
                entry = stream.log.since(int(position) - 1)[0]
                assert isinstance(entry, Restart)
