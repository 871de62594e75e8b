"""How the cost of an answer grows with its length, by its shape and view: `make bench-micro`.

Each answer is decoded in slices, as the producer does it, and a reader makes its messages after
each slice. The command prints the CPU time for a character of 1 MB in µs; the exponent of growth
(with 1, ten times the text costs ten times as much; the growing bytes of a snapshot are included);
the longest single call in ms; and the memory as a multiple of the document, at its peak and when
the stream is kept. `python -m bench.growth lists` measures one shape.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING, Final

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.plan import plan
from app.streams.log import Log
from app.streams.log_entry import Done
from app.streams.producer import SLICE
from app.views.ag_ui import AgUiView
from app.views.delta import DeltaView
from app.views.snapshot import SnapshotView
from app.views.text import TextView
from app.views.ui_message import UiMessageView
from bench.answers import SHAPES, answer, model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.partial.node import Node
    from app.views.view import View

SIZES: Final = (100_000, 1_000_000)
RUNS: Final = 3
PACES: Final = {"keeps up": 1, "slow": 20, "late": 1_000_000}
"""A slow reader reads once in this many slices."""


VIEWS: Final[dict[str, Callable[[Node], View]]] = {
    "snapshot": lambda _: SnapshotView("r"),
    "delta": lambda _: DeltaView("r"),
    "text": TextView,
    "ui-message": lambda root: UiMessageView("r", root),
    "ag-ui": lambda root: AgUiView("r", root, "t", "u"),
}


@dataclass
class Seen:
    """What a view reads of a stream."""

    id: str = "s"
    schema: str = "answers"
    schema_version: str = "0"
    log: Log = field(default_factory=Log)
    document: Document = field(default_factory=Document)

    def model_at(self, position: int) -> str:
        return "m"


@dataclass
class Clock:
    """Measures the CPU seconds of all calls, and of the longest one."""

    total: float = 0
    longest: float = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        before = time.thread_time()
        yield
        spent = time.thread_time() - before
        self.total += spent
        self.longest = max(self.longest, spent)


def planned(shape: str, size: int) -> tuple[Node, str]:
    """A schema's plan, and an answer to it."""
    return plan(model(shape), keep=False), answer(shape, size)


def play(root: Node, text: str, view: View, pace: int) -> tuple[Clock, Clock]:
    """The costs of the producer (decoder, log), and of a reader that reads every `pace` slices."""
    seen, decoder = Seen(), Decoder(root)
    producer, reader = Clock(), Clock()
    position = 0
    view.start(seen, 0)
    for number, at in enumerate(range(0, len(text), SLICE)):
        with producer.call():
            operations = decoder.feed(text[at : at + SLICE])
        with producer.call():
            seen.log.extend([*operations, *([Done()] if decoder.done else ())])
            seen.document.adopt(decoder.value, operations)
        if decoder.done or number % pace == pace - 1:
            with reader.call():
                unread = seen.log.unread(position)
                position = seen.log.position
                view.messages(seen, unread, position)
    assert decoder.done
    return producer, reader


def memory(shape: str, size: int) -> tuple[float, float]:
    """The memory of a stream with a `delta` reader, divided by the document's size: peak, kept."""
    root, text = planned(shape, size)
    tracemalloc.start()
    seen, decoder, view = Seen(), Decoder(root), DeltaView("r")
    position = 0
    for at in range(0, len(text), SLICE):
        operations = decoder.feed(text[at : at + SLICE])
        seen.log.extend(operations)
        seen.document.adopt(decoder.value, operations)
        view.messages(seen, seen.log.unread(position), seen.log.position)
        position = seen.log.position
    length = len(seen.document.encode())
    peak = tracemalloc.get_traced_memory()[1]
    del decoder, operations
    seen.log.pack()
    seen.document.pack()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return peak / length, kept / length


def _best(root: Node, text: str, make: Callable[[Node], View], pace: int) -> tuple[Clock, Clock]:
    """The costs of the best of some runs, without the garbage collector.

    A full collection takes as long as all objects of this process do, and comes at chance.
    """
    runs = []
    for _ in range(RUNS):
        gc.collect()
        gc.disable()
        runs.append(play(root, text, make(root), pace))
        gc.enable()
    return min(runs, key=lambda run: run[1].total)


def _row(name: str, costs: list[float], longest: float, sizes: list[int]) -> str:
    exponent = log(costs[1] / costs[0]) / log(sizes[1] / sizes[0])
    return f"  {name:22}{costs[1] / sizes[1] * 1e6:8.2f}{exponent:8.2f}{longest * 1e3:8.1f}"


def report(shape: str) -> Iterator[str]:
    """The lines on a shape."""
    answers = [planned(shape, size) for size in SIZES]
    sizes = [len(text) for _, text in answers]
    yield "{}: memory {:.1f} at its peak, {:.1f} kept".format(shape, *memory(shape, SIZES[1]))
    for name, make in VIEWS.items():
        for pace, slices in PACES.items():
            runs = [_best(root, text, make, slices) for root, text in answers]
            producers, readers = zip(*runs, strict=True)
            if (name, pace) == ("snapshot", "keeps up"):
                costs = [clock.total for clock in producers]
                yield _row("decoder and log", costs, producers[1].longest, sizes)
            costs = [clock.total for clock in readers]
            yield _row(f"{name}, {pace}", costs, readers[1].longest, sizes)


def main(shapes: Sequence[str]) -> None:
    print(f"{'':24}{'µs':>8}{'growth':>8}{'ms':>8}")
    for shape in shapes:
        for line in report(shape):
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(SHAPES))
