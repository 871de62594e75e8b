"""All views by their names, and how each is written."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple
from uuid import uuid4

from app.schemas.entry import SchemaEntry
from app.views import ag_ui, text, ui_message
from app.views.ag_ui import AgUiView
from app.views.delta import DeltaView
from app.views.items import ItemsView
from app.views.snapshot import SnapshotView
from app.views.text import TextView
from app.views.ui_message import UiMessageView
from app.views.view import View


class Context(NamedTuple):
    """What views want to know: of the request, and of the schema."""

    entry: SchemaEntry
    request_id: str
    thread_id: str | None = None
    run_id: str | None = None


VIEWS: dict[str, Callable[[Context], View]] = {
    "snapshot": lambda c: SnapshotView(c.request_id),
    "delta": lambda c: DeltaView(c.request_id),
    "items": lambda c: ItemsView(c.request_id),
    "text": lambda c: TextView(c.entry.plan),
    "ui-message": lambda c: UiMessageView(c.request_id, c.entry.plan),
    "ag-ui": lambda c: AgUiView(
        c.request_id, c.entry.plan, c.thread_id or str(uuid4()), c.run_id or str(uuid4())
    ),
}

OWN_FORMAT: dict[str, ModuleType] = {"text": text, "ui-message": ui_message, "ag-ui": ag_ui}
"""The views whose format is their own, whatever a client accepts."""


def views_of(entry: SchemaEntry) -> list[str]:
    """The views that a schema has: `items` are those of a list without a validator of its own."""
    return [name for name in VIEWS if name != "items" or has_items(entry)]


def has_items(entry: SchemaEntry) -> bool:
    """Whether a result's elements are final when they close."""
    return entry.is_list and not getattr(entry.plan, "changing", True)
