"""How the cost of an answer grows with its length, by its shape and view: `make bench-micro`.

Each answer is decoded in slices, as the producer does it, and a reader makes its messages after
each slice. The command prints the CPU time for a character of 1 MB in µs; the exponent of growth
(with 1, ten times the text costs ten times as much); the longest single call in ms; and the memory
as a multiple of the document, at its peak and when the stream is kept. The bytes of snapshots are
made, but not joined and copied: they grow with the square of the document. `python -m bench.growth
lists` measures one shape. Where all are measured, docs/performance.md gets its table.
"""

from __future__ import annotations

import gc
import math
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.operation import Operation
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
from bench.publish import publish
from bench.report import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.partial.node import Node
    from app.views.view import View

SIZES: Final = (100_000, 1_000_000)
RUNS: Final = 3
PRODUCER: Final = "decoder and log"
KEEPS_UP: Final = "keeps up"
PACES: Final = {KEEPS_UP: 1, "slow": 20, "late": 1_000_000}
"""A slow reader reads once in this many slices."""


VIEWS: Final[dict[str, Callable[[Node], View]]] = {
    "snapshot": lambda _: SnapshotView("r"),
    "delta": lambda _: DeltaView("r"),
    "text": TextView,
    "ui-message": lambda root: UiMessageView("r", root),
    "ag-ui": lambda root: AgUiView("r", root, "t", "u"),
}


class Unjoined(Document):
    """Makes the new parts of its JSON for each message, and does not join them with the others."""

    def encode(self) -> bytes:
        self.parts()
        return b"null"


READERS: Final = {
    f"{name}, {pace}": (make, slices)
    for name, make in VIEWS.items()
    for pace, slices in PACES.items()
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


class Reader:
    """A reader that reads once in `pace` slices, and what it costs."""

    def __init__(self, view: View, pace: int, log: Log) -> None:
        self.clock = Clock()
        self._view = view
        self._pace = pace
        self._seen = Seen(log=log, document=Unjoined())
        self._position = 0
        view.start(self._seen, 0)

    def read(self, value: object, operations: Sequence[Operation], number: int) -> None:
        """Take the state after a slice, and read if it is time to. number: of the slice"""
        seen = self._seen
        seen.document.adopt(value, operations)
        if number % self._pace == self._pace - 1 or isinstance(seen.log.last, Done):
            with self.clock.call():
                unread = seen.log.unread(self._position)
                self._position = seen.log.position
                self._view.messages(seen, unread, self._position)


def play(
    root: Node, text: str, readers: Mapping[str, tuple[Callable[[Node], View], int]]
) -> dict[str, Clock]:
    """The costs of the producer (decoder, log), and of readers with their views and paces."""
    log, document, decoder = Log(), Document(), Decoder(root)
    producer = Clock()
    reading = {name: Reader(make(root), pace, log) for name, (make, pace) in readers.items()}
    for number, at in enumerate(range(0, len(text), SLICE)):
        with producer.call():
            operations = decoder.feed(text[at : at + SLICE])
        with producer.call():
            log.extend([*operations, *([Done()] if decoder.done else ())])
            document.adopt(decoder.value, operations)
        for reader in reading.values():
            reader.read(decoder.value, operations, number)
    assert decoder.done
    return {PRODUCER: producer, **{name: reader.clock for name, reader in reading.items()}}


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


def _best(root: Node, text: str) -> dict[str, Clock]:
    """The least costs of some runs, without the garbage collector.

    A full collection takes as long as all objects of this process do, and comes at chance.
    """
    runs = []
    for _ in range(RUNS):
        gc.collect()
        gc.disable()
        runs.append(play(root, text, READERS))
        gc.enable()
    return {name: min((run[name] for run in runs), key=lambda it: it.total) for name in runs[0]}


@dataclass(frozen=True)
class Growth:
    """What a producer or a reader costs.

    micros: CPU time for a character of the longest answer
    exponent: of growth, between the two lengths
    longest: the milliseconds of the longest single call
    """

    name: str
    micros: float
    exponent: float
    longest: float

    @classmethod
    def of(cls, name: str, clocks: Sequence[Clock], sizes: Sequence[int]) -> Growth:
        (short, long), (few, many) = [clock.total for clock in clocks], sizes
        exponent = math.log(long / short) / math.log(many / few)
        return cls(name, long / many * 1e6, exponent, clocks[1].longest * 1e3)

    def __str__(self) -> str:
        return f"  {self.name:22}{self.micros:8.2f}{self.exponent:8.2f}{self.longest:8.1f}"


def measure(shape: str) -> list[Growth]:
    """The growth of the producer, and of each view at each pace."""
    answers = [planned(shape, size) for size in SIZES]
    sizes = [len(text) for _, text in answers]
    short, long = (_best(root, text) for root, text in answers)
    return [Growth.of(name, (short[name], long[name]), sizes) for name in short]


def growth_table(found: Mapping[str, Sequence[Growth]]) -> str:
    """The exponents, and the CPU time for a character, of readers who keep up."""
    names = [PRODUCER, *(f"{view}, {KEEPS_UP}" for view in VIEWS)]
    rows = []
    for shape, growths in found.items():
        known = {growth.name: growth for growth in growths}
        cells = [f"{known[name].exponent:.2f} ({known[name].micros:.2g} µs)" for name in names]
        rows.append([shape, *cells])
    return table(["exponent (µs a character)", PRODUCER, *VIEWS], rows)


def main(shapes: Sequence[str]) -> None:
    print(f"{'':24}{'µs':>8}{'growth':>8}{'ms':>8}")
    found: dict[str, list[Growth]] = {}
    for shape in shapes:
        print("{}: memory {:.1f} at its peak, {:.1f} kept".format(shape, *memory(shape, SIZES[1])))
        found[shape] = measure(shape)
        print(*found[shape], sep="\n", flush=True)
    if list(found) == list(SHAPES):
        publish({"growth": growth_table(found)})


if __name__ == "__main__":
    main(sys.argv[1:] or list(SHAPES))
