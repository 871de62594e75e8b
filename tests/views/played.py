"""Streams that are written step by step, and readers that look at them whenever they like."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

import jsonpatch

from app.errors import OutputInvalid
from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.node import Model, Tagged
from app.streams.attempt import Attempt
from app.streams.log_entry import Done, Failed, Usage
from app.streams.stream import Stream
from app.views.message import Message
from app.views.view import View
from tests.partial.models import Case
from tests.partial.texts import mutate, pieces
from tests.support.begun import begun

ID = "0123456789abcdefghijkl"

UNKNOWN: Any = object()
"""The state before there is one."""


def play(
    case: Case,
    *,
    decoder: Callable[[], Decoder] | None = None,
    spoilt: int | None = None,
    cut: Callable[[str, Random], Iterable[str]] = pieces,
) -> Iterator[Stream]:
    """A stream, after each step: some attempts that are spoilt, and one that may be good.

    Needs a running loop.
    """
    case = wrapped(case)
    random = case.random
    target = begun(ID)
    count = random.choice([0, 0, 1, 2]) if spoilt is None else spoilt
    texts = [mutate(case.text, random) for _ in range(count)] + [case.text]
    for number, text in enumerate(texts, 1):
        attempt = Attempt(target, lambda _: (decoder or case.decoder)())
        for piece in cut(text, random):
            if attempt.is_over:
                break
            attempt.write(piece)
            yield target
        if is_good(attempt):
            break
        if text is not case.text:
            yield target
            target.restart(number + 1, OutputInvalid())
            yield target
    if random.random() < 0.5:
        target.figures.usage = Usage(7, 9, number)
    target.end(Done() if is_good(attempt) else Failed.of(OutputInvalid()))
    yield target


def wrapped(case: Case) -> Case:
    """The case as the service has it: what is no model is in an object."""
    if case.key is not None or isinstance(case.root, Model | Tagged):
        return case
    return Case(case.type, "value", f'{{"value": {case.text}}}', case.seed)


def is_good(attempt: Attempt) -> bool:
    """Whether an attempt has ended in a value, as a producer concludes it."""
    try:
        attempt.finish()
    except Invalid:
        return False
    return True


class ViewReader:
    """A reader that reads a stream at each step with a chance of its own, and at the end."""

    def __init__(self, view: View, random: Random, *, position: int = 0) -> None:
        self.view = view
        self.position = position
        self.messages: list[Message] = []
        self._random = random
        self._chance = random.choice([1, 1, 0.5, 0.2, 0.05, 0])

    def maybe_read(self, stream: Stream) -> list[Message]:
        """What is new, if the reader reads now."""
        return self.read(stream) if stream.ended or self._random.random() < self._chance else []

    def read(self, stream: Stream) -> list[Message]:
        if not self.messages:
            self.messages += self.view.start(stream, self.position)
        entries = stream.log.since(self.position)
        self.position = stream.position
        new = self.view.messages(stream, entries, self.position)
        self.messages += new
        return new


def play_to(case: Case, *readers: ViewReader, **options: Any) -> Stream:
    """Play a stream to its end, for these readers."""
    for target in play(case, **options):
        for reader in readers:
            reader.maybe_read(target)
    return target


class Patched:
    """The state as a client of the `delta` view has it."""

    def __init__(self) -> None:
        self.state: Any = UNKNOWN

    def take(self, message: Message) -> None:
        if message.event == "restart":
            self.state = UNKNOWN
        elif message.event == "patch":
            for operation in json.loads(message.data):
                self.state = applied(self.state, operation)


def applied(state: Any, operation: dict[str, Any]) -> Any:
    """A state after an operation: RFC 6902 by the `jsonpatch` library, `append` as we say."""
    assert operation.keys() == {"op", "path", "value"}
    if operation["op"] == "append":
        text = jsonpatch.JsonPointer(operation["path"]).resolve(state)
        assert isinstance(text, str)
        operation = {**operation, "op": "replace", "value": text + operation["value"]}
    assert operation["op"] in ("add", "replace")
    if state is UNKNOWN:
        assert (operation["op"], operation["path"]) == ("replace", "")
    return jsonpatch.JsonPatch([operation]).apply(None if state is UNKNOWN else state)


def canonical(value: Any) -> str:
    """Of JSON's bytes, or of a value: equal where the JSON is, 1 not being 1.0 or true."""
    return json.dumps(json.loads(value) if isinstance(value, bytes) else value, sort_keys=True)
