"""Benchmarks of the pure parts alone, for pytest-benchmark: `make bench-micro`.

Each processes a whole document, in pieces as long as a fast model writes in 50 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.operation import Operation
from app.streams.log_entry import ElementClosed, LogEntry
from app.views.format import SSE
from app.views.specs import VIEWS, ViewContext
from bench.documents import document
from bench.serve import registry

PIECE = 16
REGISTRY = registry()

each_document = pytest.mark.parametrize(
    "name", ["list-20", "list-320", "string-320", "deep-80", "wide-15"]
)
each_view = pytest.mark.parametrize("view", list(VIEWS))


def pieces(name: str) -> list[str]:
    text = document(name).text
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def decoder(name: str) -> Decoder:
    entry = REGISTRY.get(document(name).schema)
    return Decoder(entry.plan, key=entry.root_key, bound=entry.max_count)


def decoded(name: str) -> list[list[LogEntry]]:
    """The log entries of each piece."""
    decode = decoder(name)
    batches: list[list[LogEntry]] = []
    closed = 0
    for piece in pieces(name):
        batches.append([*decode.feed(piece), *map(ElementClosed, range(closed, decode.elements))])
        closed = decode.elements
    return batches


def operations(entries: Sequence[LogEntry]) -> list[Operation]:
    return [entry for entry in entries if isinstance(entry, Operation)]


@each_document
def test_decoder(name: str, benchmark: Any) -> None:
    def decode(text: Sequence[str]) -> Decoder:
        made = decoder(name)
        for piece in text:
            made.feed(piece)
        return made

    assert benchmark(decode, pieces(name)).done


@each_document
def test_document(name: str, benchmark: Any) -> None:
    def write(batches: Sequence[Sequence[Operation]]) -> bytes:
        made = Document()
        data = b""
        for batch in batches:
            made.apply(batch)
            data = made.encode()
        return data

    assert b"zzz " in benchmark(write, [operations(entries) for entries in decoded(name)])


@each_view
def test_wire(view: str, benchmark: Any) -> None:
    name = "list-80"
    batches = decoded(name)
    spec = VIEWS[view]
    encode = (spec.format or SSE).encode

    def send(batches: Sequence[Sequence[LogEntry]]) -> bytes:
        run = Followed()
        messages = spec.make(ViewContext(REGISTRY.get("list"), "r"))
        messages.start(run, 0)
        sent = [
            encode(message) for entries in batches for message in _messages(run, messages, entries)
        ]
        return b"".join(sent)

    assert b"zzz " in benchmark(send, batches)


class Followed:
    """The stream that a view reads (`Followed`)."""

    id, schema, schema_version, model = "0", "list", "0123456789ab", "m"

    def __init__(self) -> None:
        self.document = Document()
        self.position = 0

    def model_at(self, position: int) -> str:
        return self.model


def _messages(run: Followed, view: Any, entries: Sequence[LogEntry]) -> list[Any]:
    """The messages that a view makes of one piece."""
    run.position += len(entries)
    run.document.apply(operations(entries))
    messages: list[Any] = view.messages(run, entries, run.position)
    return messages
