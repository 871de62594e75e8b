"""Judges what the readers of streams were shown. Pure.

Whatever befalls the processes and their store, each of these must hold of each stream:

- Within a response, the positions grow, and nothing comes before `start` or after the end.
- Who comes back with a position gets nothing from before it.
- A reader is shown exactly one end, and all readers the same one.
- `done` is the value of the provider's answers, whole and in order (`made_of`).
- A value that was shown is never contradicted by a later one, unless a `restart` is between them.
- At a position, all readers are shown the same: there is one log, whoever has written it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.connection import Event
from tests.support.ideas_provider import Asked, idea
from tests.views.played import UNKNOWN, applied

ENDS = ("done", "error")


class Wrong(AssertionError):
    """A promise was broken."""


@dataclass
class Response:
    """What a reader got of one request.

    node: who answered. since: the position that it came back with, if it did
    """

    node: str
    since: int | None = None
    status: int | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def end(self) -> Event | None:
        return self.events[-1] if self.events and self.events[-1].event in ENDS else None


@dataclass
class Reading:
    """All that one reader got of one stream. view: `snapshot`, `delta` or `items`."""

    view: str
    responses: list[Response] = field(default_factory=list)

    @property
    def streamed(self) -> list[Response]:
        """The responses that began."""
        return [response for response in self.responses if response.events]

    @property
    def end(self) -> Event | None:
        return self.streamed[-1].end if self.streamed else None


def judge(readings: Sequence[Reading], asked: Sequence[Asked]) -> Event:
    """The one end of a stream. Raises `Wrong`.

    readings: of one stream, all at their end
    asked: the requests to the provider that were made for it
    """
    for reading in readings:
        for response in reading.streamed:
            _is_ordered(response)
        _has_one_end(reading)
        _contradicts_nothing(reading)
    _is_one_log(readings)
    end = readings[0].end
    assert end is not None
    if len({reading.end.position for reading in readings if reading.end}) > 1:
        raise Wrong("the end is at several positions")
    if end.event == "done":
        made_of(end.data, asked)
    return end


def _is_ordered(response: Response) -> None:
    events = [event.event for event in response.events]
    if events[0] != "start" or events.count("start") > 1:
        raise Wrong(f"a response does not begin with its one start: {events}")
    if not set(ENDS).isdisjoint(events[:-1]):
        raise Wrong(f"something follows an end: {events}")
    positions = [event.position for event in response.events if event.id]
    first, *rest = positions
    if rest and (rest != sorted(set(rest)) or first > rest[0]):
        raise Wrong(f"positions do not grow: {positions}")
    if response.since is not None and (first < response.since or response.since in rest):
        raise Wrong(f"what was read already comes again: {positions} after {response.since}")


def _has_one_end(reading: Reading) -> None:
    ends = [response.end for response in reading.streamed if response.end]
    if len(ends) != 1 or reading.end is None:
        raise Wrong(f"a reader was shown {len(ends)} ends")


def _contradicts_nothing(reading: Reading) -> None:
    shown: Any = UNKNOWN
    for event, value in states(reading):
        if event.event == "restart" or value is UNKNOWN:
            shown = UNKNOWN
            continue
        if not extends(shown, value):
            raise Wrong(f"{shown!r} was shown, and then {value!r}")
        shown = value


def states(reading: Reading) -> Iterator[tuple[Event, Any]]:
    """Each event with the value that the reader knows after it.

    `UNKNOWN` where it knows none. A response that does not go on from a position begins anew.
    """
    value: Any = UNKNOWN
    for response in reading.streamed:
        if response.since is None:
            value = UNKNOWN
        for event in response.events:
            value = _after(event, value)
            yield event, value


def _after(event: Event, value: Any) -> Any:
    match event.event:
        case None | "done":
            return event.data
        case "restart":
            return UNKNOWN
        case "patch":
            for operation in event.data:
                value = applied(value, operation)
            return value
        case "item":
            return [*([] if value is UNKNOWN else value), event.data]
    return value


def extends(before: Any, after: Any) -> bool:
    """Whether a value may follow another one while a model writes. Of plain lists and texts."""
    if before is UNKNOWN or before is None:
        return True
    if type(before) is not type(after):
        return False
    if isinstance(before, str):
        return bool(after.startswith(before))
    if isinstance(before, list):
        return len(before) <= len(after) and all(map(extends, before, after))
    if isinstance(before, dict):
        return all(key in after and extends(it, after[key]) for key, it in before.items())
    return bool(before == after)


def _is_one_log(readings: Iterable[Reading]) -> None:
    at: dict[tuple[str, int], Any] = {}
    for reading in readings:
        for event, value in states(reading):
            if event.id is None or event.event in ("start", "reasoning"):
                continue
            told = (event.event, _shown(event, value))
            # An item is at its own position, at which the other views know more than it says.
            kind = reading.view if event.event in ("patch", "item") else "all"
            if at.setdefault((kind, event.position), told) != told:
                raise Wrong(f"two things at {event.position}: {at[kind, event.position]}, {told}")


def _shown(event: Event, value: Any) -> Any:
    if event.event == "error":  # each response has a request's id of its own
        return {name: it for name, it in event.data.items() if name != "request_id"}
    return value if event.event == "patch" else event.data


def made_of(value: list[Any], asked: Sequence[Asked]) -> None:
    """Check that a value is the last answer, behind what its request quoted of earlier ones.

    Raises `Wrong`.
    """
    for it in reversed(asked):
        if value == [*it.there, *it.finished]:
            break
    else:
        answers = [f"{it.there!r} and {it.finished!r}" for it in asked]
        raise Wrong(f"no answer of the provider comes to {value!r}: {answers}")
    if len(it.finished) < it.count:
        raise Wrong(f"{len(it.finished)} elements of {it.count} are a value")
    for index, element in enumerate(it.there):
        if element not in [idea(it.topic, index, number) for number in range(1, it.number)]:
            raise Wrong(f"{element!r} is of no earlier answer")
