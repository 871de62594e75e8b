"""Shows a stream while it fills in: cards that grow, a cursor, and figures below them.

If stdout is no terminal, only the final value is written.
"""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text
from structured_streams import Partial, SyncStream

from app.terminal.cards import Window, cards, clean
from app.terminal.progress import Progress

FRAMES_PER_SECOND: Final = 12
RESERVED: Final = 3
"""Lines that are kept for the head, the figures and the shell's prompt."""


class Screen:
    """Shows a stream of `schema` on stdout."""

    def __init__(self, schema: str) -> None:
        self._console = Console(highlight=False)
        self._schema = schema
        self._progress = Progress(monotonic())
        self._partial = Partial(None, None, 1)
        self._reading: SyncStream[Any] | None = None
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            console=self._console,
            get_renderable=self._frame,
            transient=True,
            refresh_per_second=FRAMES_PER_SECOND,
        )

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()
        if error is not None and self._console.is_terminal:
            self._console.print(cards(self._partial.value), self._figures(), sep="\n")

    def show(self, partial: Partial, reading: SyncStream[Any]) -> None:
        """Take a partial, which the next frame shows."""
        self._partial, self._reading = partial, reading
        self._progress.update(partial.value, partial.attempt, monotonic())

    def finish(self, final: Any, reading: SyncStream[Any]) -> None:
        """Write the whole final value, which stays on the screen."""
        self._live.stop()
        self._console.print(cards(final))
        if self._console.is_terminal:
            self._console.print(self._figures())

    def _frame(self) -> RenderableType:
        value, open, _ = self._partial
        model = self._reading.model if self._reading else None
        self._spinner.update(text=Text(f"{self._schema} · {clean(model or '')}", "bold"))
        body = cards(value, open) if value is not None else self._reasoning()
        return Group(self._spinner, Window(body, RESERVED), self._figures())

    def _reasoning(self) -> Text:
        """What the model reasons, until there is a value."""
        text = self._reading.reasoning if self._reading else ""
        return Text(clean(text), "dim italic")

    def _figures(self) -> Text:
        usage = self._reading.usage if self._reading else None
        tokens = (usage.input_tokens, usage.output_tokens) if usage else None
        words = self._progress.words(monotonic(), tokens)
        return Text(words, "dim", no_wrap=True, overflow="ellipsis")
