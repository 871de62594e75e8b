"""What the model reasons, in every view, for those who want it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel

from app.partial.operation import Append, Replace
from app.partial.plan import plan
from app.streams.log_entry import Done, ElementClosed, LogEntry, Reasoning, Restart
from app.views.ag_ui import AgUiView
from app.views.delta import DeltaView
from app.views.format import SSE
from app.views.items import ItemsView
from app.views.snapshot import SnapshotView
from app.views.ui_message import UiMessageView
from tests.views.scripted import stream


class Idea(BaseModel):
    title: str


PLAN = plan(list[Idea])
FIRST = Replace((), [{"title": "Fi"}])
REST = Append((0, "title"), "gs")
RESTART = Restart(2, "output_invalid", [])


def read(view: Any, *batches: list[LogEntry]) -> list[Any]:
    """The events but for `start`: their names, data and positions, or a front end's own data."""
    found = []
    for message in stream(SSE, view, *batches).strip().split("\n\n")[1:]:
        fields = dict(re.findall(r"^(event|data|id): (.*)$", message, re.M))
        data = fields["data"] if fields["data"] == "[DONE]" else json.loads(fields["data"])
        found.append((fields.get("event"), data, fields.get("id", "r1-")[3:]))
    return found


def test_it_is_an_event_of_its_own_of_all_that_has_come_since_the_last_one() -> None:
    batches = ([Reasoning("Let "), Reasoning("me")], [Reasoning(" see."), FIRST], [REST, Done()])
    assert read(DeltaView("q1", reasoning=True), *batches) == [
        ("reasoning", {"text": "Let me"}, "2"),
        ("reasoning", {"text": " see."}, "3"),
        ("patch", [{"op": "replace", "path": "", "value": [{"title": "Fi"}]}], "4"),
        ("patch", [{"op": "append", "path": "/0/title", "value": "gs"}], "5"),
        ("done", [{"title": "Figs"}], "6"),
    ]
    assert [event for event, _, _ in read(SnapshotView("q1", reasoning=True), *batches)] == [
        *("reasoning", "reasoning", None, None, "done"),
    ]


@pytest.mark.parametrize("view", [DeltaView("q1"), SnapshotView("q1"), ItemsView("q1")])
def test_those_who_do_not_want_it_are_not_sent_it(view: Any) -> None:
    quiet = read(view, [Reasoning("Hm")], [FIRST, ElementClosed(0)], [Reasoning("."), Done()])
    assert {event for event, _, _ in quiet} == {
        "done",
        {"delta": "patch", "snapshot": None, "items": "item"}[view.name],
    }


def test_no_change_is_lost_to_who_comes_back_after_it() -> None:
    mixed = [Reasoning("a"), FIRST, Reasoning("b"), REST, Reasoning("c")]
    assert read(DeltaView("q1", reasoning=True), mixed) == [
        ("reasoning", {"text": "abc"}, "1"),
        ("patch", [{"op": "replace", "path": "", "value": [{"title": "Figs"}]}], "5"),
    ]


def test_a_restart_undoes_what_was_not_sent() -> None:
    batch = [Reasoning("old"), FIRST, RESTART, Reasoning("new"), Replace((), [])]
    assert read(DeltaView("q1", reasoning=True), batch) == [
        ("restart", {"attempt": 2, "code": "output_invalid", "errors": []}, "3"),
        ("reasoning", {"text": "new"}, "4"),
        ("patch", [{"op": "replace", "path": "", "value": []}], "5"),
    ]


def test_use_chat_has_reasoning_parts() -> None:
    view = UiMessageView("q1", PLAN, reasoning=True)
    batches = [Reasoning("a")], [Reasoning("b"), FIRST], [RESTART, Reasoning("c")], [FIRST, Done()]
    found = [data for _, data, _ in read(view, *batches)]
    restart = {"attempt": 2, "code": "output_invalid", "errors": []}
    one, two = "r1-reasoning-1", "r1-reasoning-2"
    part = {"type": "data-ideas", "id": "r1"}
    assert found == [
        {"type": "reasoning-start", "id": one},
        {"type": "reasoning-delta", "id": one, "delta": "a"},
        {"type": "reasoning-delta", "id": one, "delta": "b"},
        {"type": "reasoning-end", "id": one},
        {**part, "data": [{"title": "Fi"}]},
        {"type": "message-metadata", "messageMetadata": {"restart": restart}},
        {"type": "reasoning-start", "id": two},
        {"type": "reasoning-delta", "id": two, "delta": "c"},
        {**part, "data": []},
        {"type": "reasoning-end", "id": two},
        {**part, "data": [{"title": "Fi"}]},
        {"type": "finish", "finishReason": "stop"},
        "[DONE]",
    ]


def test_ag_ui_has_reasoning_messages() -> None:
    view = AgUiView("q1", PLAN, "t1", "u1", reasoning=True)
    found = [data for _, data, _ in read(view, [Reasoning("a")], [Reasoning("b"), FIRST], [Done()])]
    one = "r1-reasoning-1"
    assert found[:7] == [
        {"type": "REASONING_START", "messageId": one},
        {"type": "REASONING_MESSAGE_START", "messageId": one, "role": "reasoning"},
        {"type": "REASONING_MESSAGE_CONTENT", "messageId": one, "delta": "a"},
        {"type": "REASONING_MESSAGE_CONTENT", "messageId": one, "delta": "b"},
        {"type": "REASONING_MESSAGE_END", "messageId": one},
        {"type": "REASONING_END", "messageId": one},
        {"type": "STATE_SNAPSHOT", "snapshot": [{"title": "Fi"}]},
    ]
    assert [data["type"] for data in found[7:]] == ["RUN_FINISHED"]


@pytest.mark.parametrize("view", [UiMessageView("q1", PLAN), AgUiView("q1", PLAN)])
def test_front_ends_that_do_not_want_it_are_not_sent_it(view: Any) -> None:
    found = read(view, [Reasoning("Hm")], [Reasoning("."), FIRST], [Done()])
    assert not [data for _, data, _ in found if "reasoning" in json.dumps(data).lower()]
    assert len(found) >= 2
