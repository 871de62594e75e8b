"""Example streams of a schema for the documentation, made by the code that makes real streams.

The demo model writes the answer, the decoder reads it in a few pieces, and the views turn the
decoder's operations into messages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.demo.text import tokens, write_value
from app.errors import OutputInvalid, ProviderInterrupted
from app.http.openapi.errors import REQUEST_ID
from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.operation import Operation
from app.schemas.entry import SchemaEntry
from app.streams.log_entry import Done, ElementClosed, Event, Failed, LogEntry, Restart, Usage
from app.views.message import Message
from app.views.specs import VIEWS, ViewContext, views_of

STREAM: Final = "5f0c6c1e9d3b4a7f8e2d1c0b9a786756"
_PIECES: Final = 4
_MOST: Final = 2  # two elements of a list are enough to see how it grows


@dataclass(frozen=True)
class Example:
    """The messages of example streams.

    done: those of a stream that succeeds, in the view `snapshot`
    restarted, failed: those of a stream with a restart, and of one that fails
    views: those of the stream that succeeds, in each view that the schema has
    value: the final value of the stream that succeeds, as JSON
    """

    done: list[Message]
    restarted: list[Message]
    failed: list[Message]
    views: dict[str, list[Message]]
    value: bytes


def example(entry: SchemaEntry, model: str) -> Example | None:
    """The example of a schema; None if the demo model can't write a valid answer."""
    # A schema's own validators may raise any exception. The document can do without an example.
    try:
        return _example(entry, model)
    except Exception:
        return None


def _example(entry: SchemaEntry, model: str) -> Example:
    bound = min(_MOST, entry.max_count) if entry.max_count else None
    pieces = _pieces(_answer(entry, bound))
    some = pieces[: _PIECES // 2]
    spent = Usage(input_tokens=182, output_tokens=214, attempts=1)
    twice = Usage(input_tokens=473, output_tokens=321, attempts=2)
    again = Restart(2, OutputInvalid.code, [{"path": "", "message": "is not JSON"}])
    interrupted = Failed.of(ProviderInterrupted())
    story: list[str | Event] = [*pieces, spent, Done()]

    def told(parts: Sequence[str | Event], view: str = "snapshot") -> list[Message]:
        return _messages(entry, model, bound, parts, view)

    done = told(story)
    return Example(
        done=done,
        restarted=told([*some, again, *pieces, twice, Done()]),
        failed=told([*some, interrupted]),
        views={view: told(story, view) for view in views_of(entry)},
        value=done[-1].data,
    )


@dataclass
class _Told:
    """The stream that a view reads (`Followed`), made of a given list of entries."""

    id: str
    schema: str
    schema_version: str
    model: str
    document: Document = field(default_factory=Document)
    position: int = 0

    def model_at(self, position: int) -> str:
        return self.model

    def tell(self, entry: LogEntry) -> None:
        self.position += 1
        if isinstance(entry, Restart):
            self.document.clear()
        elif isinstance(entry, Operation):
            self.document.apply([entry])


def _messages(
    entry: SchemaEntry, model: str, bound: int | None, parts: Sequence[str | Event], view: str
) -> list[Message]:
    """The messages of a reader that gets each part of a stream separately.

    bound: the most elements of a list
    parts: pieces of the model's text, and events
    """
    seen = VIEWS[view].make(ViewContext(entry, REQUEST_ID))
    stream = _Told(STREAM, entry.name, entry.version, model)
    messages = seen.start(stream, 0)
    decoder: Decoder | None = None
    for part in parts:
        if isinstance(part, str):
            decoder = decoder or Decoder(entry.plan, key=entry.root_key, bound=bound)
            entries = _decoded(decoder, part)
        else:
            decoder, entries = None, [part]
        for each in entries:
            stream.tell(each)
        messages += seen.messages(stream, entries, stream.position)
    return messages


def _decoded(decoder: Decoder, piece: str) -> list[LogEntry]:
    """The log entries for a piece of text, as an `Attempt` would write them."""
    before = decoder.elements
    operations = decoder.feed(piece)
    return [*operations, *map(ElementClosed, range(before, decoder.elements))]


def _answer(entry: SchemaEntry, bound: int | None) -> str:
    topic = next((str(each["topic"]) for each in entry.schema.examples), entry.name)
    schema = entry.response_model(bound).json_schema
    return json.dumps(write_value(schema, topic, entry.name), ensure_ascii=False)


def _pieces(text: str) -> list[str]:
    words = tokens(text)
    size = -(-len(words) // _PIECES)
    return ["".join(words[at : at + size]) for at in range(0, len(words), size)]
