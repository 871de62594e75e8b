"""Shows a person who waits what the benchmark does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress:
    """A bar for each step, on stderr."""

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[Callable[[str], None]]:
        """A step with a number of parts. Call the returned function with each part's name."""
        columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
        text = TextColumn("{task.description}")
        bar = Bars(*columns, text, console=Console(stderr=True), disable=not total)
        task = bar.add_task(name, total=total)
        began = False

        def advance(part: str) -> None:
            nonlocal began
            bar.update(task, advance=int(began), description=f"{name}: {part}")
            began = True

        with bar:
            yield advance
            bar.update(task, completed=total, description=name)
