"""Streams, and a store of a list, for tests of what goes between the two."""

from __future__ import annotations

from typing import Any

from app.partial.operation import Append, Replace
from app.redis.link import Behind, Command
from app.store import keys
from app.store.ids import new_id
from app.store.mirror import Fate, Mirror
from app.store.record import Claim, EntryId, Record, decode
from app.streams.log_entry import Done
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from tests.support.schema_files import REGISTRY

ENTRY = REGISTRY.get("ideas")
REQUEST = GenerationRequest(ENTRY, ENTRY.schema.parameters(topic="figs"), "m")


def new_stream(id: str | None = None) -> Stream:
    return Stream(id or new_id(1, 0), REQUEST, Origin("me", resumable=True))


def claim_of(
    stream: Stream, process: str = "a", version: str = ENTRY.version, **more: Any
) -> Claim:
    owner = keys.digest(stream.id, "me")
    return Claim(process, owner, "ideas", version, "m", "digest", **more)


def write(stream: Stream, text: str) -> None:
    """Write more of a value that is a string."""
    stream.answer()
    known = stream.document.known
    operation = Append((), text) if known else Replace((), text)
    stream.document.apply([operation])
    stream.write([operation], stream.document.value, range(0))


def finish(stream: Stream) -> None:
    stream.end(Done())


class Kept:
    """A Redis Stream as a list, which answers the commands of a mirror as Redis does."""

    def __init__(self) -> None:
        self.entries: list[tuple[EntryId, Record]] = []
        self.exists = False
        self.options: list[Command] = []  # of other keys, and expiry

    @property
    def records(self) -> list[Record]:
        return [record for _, record in self.entries]

    def add(self, id: EntryId, record: Record) -> None:
        self.entries.append((id, record))
        self.exists = True

    def answer(self, command: Command) -> Any:
        match command:
            case ("XADD", _, *options, id, _, data):
                return self._add(EntryId.read(id), decode(data), options)
            case ("XREVRANGE", *_):
                return [[str(id).encode(), []] for id, _ in self.entries[-1:]]
            case ("PEXPIRE", *_) if not self.exists:
                return 0
        self.options.append(command)
        return 1

    def _add(self, id: EntryId, record: Record, options: list[Any]) -> Any:
        if "NOMKSTREAM" in options and not self.exists:
            return None
        if self.entries and id <= self.entries[-1][0]:
            return Behind()
        self.add(id, record)
        if "MAXLEN" in options:
            del self.entries[:-1]
        return str(id).encode()

    def clear(self) -> None:
        self.entries.clear()
        self.exists = False


def bring(mirror: Mirror, kept: Kept, now: float = 100, *, answered: bool = True) -> Fate:
    """Send what a mirror has to say, as often as it has something urgent to add."""
    fate = Fate.GOES_ON
    while fate is Fate.GOES_ON and mirror.is_due(now):
        answers = [kept.answer(command) for command in mirror.commands(now)]
        fate = mirror.took(answers if answered else None)
        if not answered or not mirror.is_urgent:
            return fate
    return fate
