"""What a reader costs does not grow with what it has read: counted in lines, not timed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.node import Node
from app.partial.plan import plan
from app.views.ag_ui import AgUiView
from app.views.delta import DeltaView
from app.views.snapshot import SnapshotView
from app.views.text import TextView
from app.views.ui_message import UiMessageView
from app.views.view import View

PIECE = 64
"""Characters, after which a reader gets a message, and finished elements become a block."""


class Row(BaseModel):
    name: str
    cells: list[list[int]]


class Sheet(BaseModel):
    title: str
    rows: list[Row]
    by_name: dict[str, list[Row]] = {}


@dataclass
class Seen:
    id: str = "s"
    schema: str = "sheets"
    schema_version: str = "0"
    model: str = "m"
    document: Document = field(default_factory=Document)

    def model_at(self, position: int) -> str:
        return self.model


ROW = '{"name":"a row","cells":[[1],[2,3]]}'


def listed(count: int) -> str:
    return f'{{"title":"t","rows":[{",".join([ROW] * count)}]}}'


def keyed(count: int) -> str:
    members = (f'"row {number:04}":[{ROW}]' for number in range(count))
    return f'{{"title":"t","rows":[],"by_name":{{{",".join(members)}}}}}'


def nested(count: int) -> str:
    cells = ",".join(["[1,2,3]"] * 5 * count)
    return f'{{"title":"t","rows":[{{"name":"a row","cells":[{cells}]}}]}}'


VIEWS: dict[str, Any] = {
    "snapshot": lambda _: SnapshotView("r"),
    "delta": lambda _: DeltaView("r"),
    "text": TextView,
    "ui-message": lambda root: UiMessageView("r", root),
    "ag-ui": lambda root: AgUiView("r", root, "t", "u"),
}


def lines(root: Node, text: str, view: View) -> int:
    """How many lines of Python are run for all messages of a text."""
    count = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    seen, decoder, position = Seen(), Decoder(root), 0
    view.start(seen, 0)
    before = sys.gettrace()
    for at in range(0, len(text), PIECE):
        operations = decoder.feed(text[at : at + PIECE])
        seen.document.adopt(decoder.value, operations)
        position += len(operations)
        sys.settrace(trace)
        try:
            view.messages(seen, operations, position)
        finally:
            sys.settrace(before)
    assert decoder.done
    return count


@pytest.mark.parametrize("view", list(VIEWS))
@pytest.mark.parametrize("text", [listed, keyed, nested])
def test_a_reader_of_four_times_the_text_costs_four_times_as_much(
    text: Any, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.partial.shown.FOLD", PIECE)
    root = plan(Sheet, keep=False)
    small, large = text(25), text(100)
    factor = len(large) / len(small)
    costs = [lines(root, long, VIEWS[view](root)) for long in (small, large)]
    assert costs[1] <= 1.1 * factor * costs[0]
