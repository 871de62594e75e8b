"""All views by their names, and how each is written."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple
from uuid import uuid4

from app.entry import Entry
from app.wire import ag_ui, text, ui_message
from app.wire.ag_ui import AgUi
from app.wire.delta import Delta
from app.wire.items import Items
from app.wire.snapshot import Snapshot
from app.wire.text import Text
from app.wire.ui_message import UiMessage
from app.wire.view import View


class Context(NamedTuple):
    """What views want to know: of the request, and of the schema."""

    entry: Entry
    request_id: str
    thread_id: str | None = None
    run_id: str | None = None


VIEWS: dict[str, Callable[[Context], View]] = {
    "snapshot": lambda c: Snapshot(c.request_id),
    "delta": lambda c: Delta(c.request_id),
    "items": lambda c: Items(c.request_id),
    "text": lambda c: Text(c.entry.plan),
    "ui-message": lambda c: UiMessage(c.request_id, c.entry.plan),
    "ag-ui": lambda c: AgUi(
        c.request_id, c.entry.plan, c.thread_id or str(uuid4()), c.run_id or str(uuid4())
    ),
}

OWN_FORMAT: dict[str, ModuleType] = {"text": text, "ui-message": ui_message, "ag-ui": ag_ui}
"""The views whose format is their own, whatever a client accepts."""


def views_of(entry: Entry) -> list[str]:
    """The views that a schema has: `items` are those of a list without a validator of its own."""
    return [name for name in VIEWS if name != "items" or has_items(entry)]


def has_items(entry: Entry) -> bool:
    """Whether a result's elements are final when they close."""
    return entry.is_list and not getattr(entry.plan, "changing", True)
