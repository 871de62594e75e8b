"""A literal stream of a schema for the documentation, made by what makes the real ones.

The demo model writes the answer, the decoder reads it in a few pieces, and the messages
are those of the `snapshot` view.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from app.entry import Entry
from app.errors import OutputInvalid, ProviderInterrupted
from app.event import Done, Event, Failed, Restart, Spent
from app.http.openapi.errors import REQUEST_ID
from app.partial.decoder import Decoder
from app.partial.document import Document
from app.providers.demo.text import tokens, write_value
from app.wire.message import Message, of_event, start
from app.wire.snapshot import Snapshot

STREAM: Final = "5f0c6c1e9d3b4a7f8e2d1c0b9a786756"
_PIECES: Final = 4
_MOST: Final = 2  # elements of a list: enough to see how it grows


@dataclass(frozen=True)
class Example:
    """done, restarted, failed: the messages of a stream that ends so; value: its result."""

    value: Any
    done: list[Message]
    restarted: list[Message]
    failed: list[Message]


def example(entry: Entry, model: str) -> Example | None:
    """The example of a schema; None where the demo model can't write a valid answer."""
    # A schema's own validators may raise anything, and an example is only a courtesy.
    try:
        return _example(entry, model)
    except Exception:
        return None


def _example(entry: Entry, model: str) -> Example:
    partials, position = _partials(entry)
    first = start(STREAM, entry.name, model, Snapshot.name, 0)
    some = [first, *partials[: _PIECES // 2]]
    interrupted = Failed.of(ProviderInterrupted())
    again = Restart(2, OutputInvalid.code, [{"path": "", "message": "is not JSON"}])
    spent = Spent(input_tokens=182, output_tokens=214, attempts=1)
    twice = Spent(input_tokens=473, output_tokens=321, attempts=2)
    value = partials[-1].data
    return Example(
        value=json.loads(value),
        done=[first, *partials, *_end(position, spent, Done(), value=value)],
        restarted=[
            *some,
            *_end(position, again),
            *partials,
            *_end(2 * position, twice, Done(), value=value),
        ],
        failed=[*some, *_end(position, interrupted)],
    )


def _end(position: int, *events: Event, value: bytes = b"") -> list[Message]:
    """Messages of events that follow each other in the log."""
    return [
        of_event(event, id=f"{STREAM}-{at}", value=value, request_id=REQUEST_ID)
        for at, event in enumerate(events, position + 1)
    ]


def _partials(entry: Entry) -> tuple[list[Message], int]:
    """The partials of an answer that comes in pieces, and how many operations made them."""
    bound = min(_MOST, entry.max_count) if entry.max_count else None
    decoder = Decoder(entry.plan, key=entry.root_key, bound=bound)
    document = Document()
    partials: list[Message] = []
    position = 0
    for piece in _pieces(_answer(entry, bound)):
        operations = decoder.feed(piece)
        if operations:
            document.apply(operations)
            partials.append(Message(None, document.encode()))
            position += len(operations)
    decoder.finish()
    return partials, position


def _answer(entry: Entry, bound: int | None) -> str:
    topic = next((str(each["topic"]) for each in entry.schema.examples), entry.name)
    schema = entry.response_model(bound).model_json_schema()
    return json.dumps(write_value(schema, topic, entry.name), ensure_ascii=False)


def _pieces(text: str) -> list[str]:
    words = tokens(text)
    size = -(-len(words) // _PIECES)
    return ["".join(words[at : at + size]) for at in range(0, len(words), size)]
