"""Draws a value in a terminal: a card for each element of a list, a line for each field.

The model's text is shown as text. Markup in it has no effect, and control codes are replaced.
"""

from __future__ import annotations

import json
from typing import Any, Final

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

CURSOR: Final = "▌"
UNKNOWN: Final = "…"

Path = tuple[str | int, ...]

_CONTROLS: Final = {
    code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}


def clean(text: str) -> str:
    """Replace the control codes in a text, because a terminal would execute them."""
    return text.translate(_CONTROLS)


def cards(value: Any, open: Path | None = None, path: Path = ()) -> RenderableType:
    """Draw a partial or final value. The cursor stands at `open`, the place being written."""
    cursor = CURSOR if path == open else ""
    if isinstance(value, dict) and value:
        return _fields(value, open, path)
    if isinstance(value, list) and value:
        parts = [_element(part, open, (*path, at)) for at, part in enumerate(value)]
        return Group(*parts, Text(cursor, "cyan")) if cursor else Group(*parts)
    return _leaf(value, cursor)


def _fields(value: dict[str, Any], open: Path | None, path: Path) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, part in value.items():
        table.add_row(Text(clean(key)), cards(part, open, (*path, key)))
    return Group(table, Text(CURSOR)) if path == open else table


def _element(value: Any, open: Path | None, path: Path) -> RenderableType:
    shown = cards(value, open, path)
    if isinstance(value, dict):
        border = "cyan" if open and open[: len(path)] == path else "dim"
        return Panel(shown, box=box.ROUNDED, border_style=border)
    return shown


def _leaf(value: Any, cursor: str) -> Text:
    if value is None or value in ([], {}):
        return Text(cursor or UNKNOWN, "dim")
    text = clean(value) if isinstance(value, str) else json.dumps(value)
    return Text(text) + Text(cursor, "cyan")


class Window:
    """Shows the lines around the cursor, as many as fit into the terminal.

    reserved: how many lines of the terminal are kept free for something else
    """

    def __init__(self, body: RenderableType, reserved: int) -> None:
        self._body = body
        self._reserved = reserved

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._body, options.update(height=None), pad=False)
        room = max(1, options.size.height - self._reserved)
        end = min(len(lines), max(room, _cursor(lines) + 1 + room // 4))
        for line in lines[max(0, end - room) : end]:
            yield from line
            yield Segment.line()


def _cursor(lines: list[list[Segment]]) -> int:
    """The number of the line with the cursor, or the number of lines if there is no cursor."""
    for at, line in enumerate(lines):
        if any(CURSOR in segment.text for segment in line):
            return at
    return len(lines)
