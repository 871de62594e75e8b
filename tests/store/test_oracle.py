"""The oracle that judges streams sees each kind of broken promise."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.support.connection import Event
from tests.support.ideas_provider import Asked, idea
from tests.support.oracle import Reading, Response, Wrong, judge
from tests.support.upstream import Exchange

ONE, TWO, AGAIN = idea("figs", 0, 1), idea("figs", 1, 1), idea("figs", 1, 2)
MOVED = {"attempt": 2, "code": "moved", "errors": []}
SOME = {"op": "replace", "path": "", "value": [ONE]}
HALF = {"op": "add", "path": "/1", "value": {"title": "figs 1", "blurb": None}}
BEGUN = {"op": "replace", "path": "/1/blurb", "value": "Idea 1"}
REST = {"op": "append", "path": "/1/blurb", "value": " of answer 2."}


def event(name: str | None, data: Any, position: int | None) -> Event:
    return Event(name, data, None if position is None else f"S-{position}")


def start(position: int) -> Event:
    return event("start", {"stream": "S"}, position)


def patch(position: int, *operations: dict[str, Any]) -> Event:
    return event("patch", list(operations), position)


def item(element: Any, position: int) -> Event:
    return event("item", element, position)


def moved() -> list[Reading]:
    """Three readers of a stream that another process took over after its first element."""
    restart, done = event("restart", MOVED, 1001), DONE
    return [
        Reading(
            "delta",
            [
                Response("a", None, 200, [start(0), patch(3, SOME), patch(5, HALF)]),
                Response("b", 5, 503),
                Response("c", 5, 200, [start(5), restart, patch(1003, SOME), patch(1004, HALF)]),
                Response("b", 1004, 200, [start(1004), patch(1006, BEGUN, REST), done]),
            ],
        ),
        Reading(
            "snapshot",
            [
                Response("b", None, 200, [start(0), event(None, [ONE], None)]),
                Response("b", None, 200, [start(1001), event(None, [ONE], None), done]),
            ],
        ),
        Reading(
            "items",
            [
                Response("c", None, 200, [start(0), item(ONE, 3), restart]),
                Response("a", 1001, 200, [start(1001), item(ONE, 1003), item(AGAIN, 1006), done]),
            ],
        ),
    ]  # fmt: skip


def requests() -> list[Asked]:
    """The first answer was cut off, and the second one is the rest."""
    nobody = cast(Exchange, None)
    asked = [Asked(nobody, "a", "figs", [], 2, 1), Asked(nobody, "c", "figs", [ONE], 1, 2)]
    asked[-1].written = len(asked[-1].pieces)
    return asked


def test_a_stream_that_was_moved_is_right() -> None:
    assert judge(moved(), requests()).data == [ONE, AGAIN]


Change = Callable[[list[Reading], list[Asked]], None]


def put(reader: int, response: int, at: int, it: Event) -> Change:
    """Put an event in the place of another one."""

    def change(readings: list[Reading], _: list[Asked]) -> None:
        readings[reader].responses[response].events[at] = it

    return change


def add(reader: int, response: int, at: int, it: Event) -> Change:
    """Add an event before another one."""

    def change(readings: list[Reading], _: list[Asked]) -> None:
        readings[reader].responses[response].events.insert(at, it)

    return change


def drop(reader: int, response: int, at: int) -> Change:
    """Leave an event out."""

    def change(readings: list[Reading], _: list[Asked]) -> None:
        del readings[reader].responses[response].events[at]

    return change


def _two_responses_end(readings: list[Reading], _: list[Asked]) -> None:
    readings[1].responses.append(readings[1].responses[-1])


def _another_state(readings: list[Reading], _: list[Asked]) -> None:
    other = Response("b", None, 200, [start(0), patch(5, SOME)])
    readings.append(Reading("delta", [other, readings[1].responses[-1]]))


def _all_end_early(readings: list[Reading], _: list[Asked]) -> None:
    for reading in readings:
        reading.responses[-1].events[-1] = event("done", [ONE], 1007)


def _no_whole_answer(_: list[Reading], asked: list[Asked]) -> None:
    asked[-1].written -= 2


def _another_answer(_: list[Reading], asked: list[Asked]) -> None:
    asked[-1].number = 3


def _longer_answer(_: list[Reading], asked: list[Asked]) -> None:
    asked[-1] = replace(asked[-1], count=2)


def _another_quote(readings: list[Reading], asked: list[Asked]) -> None:
    """The rest was asked for with an element that no answer has, and it was shown."""
    made_up = idea("figs", 0, 2)
    asked[-1].there[:] = [made_up]
    for reading in readings:
        for response in reading.responses:
            response.events = [_replaced(it, made_up) for it in response.events]


def _replaced(it: Event, element: Any) -> Event:
    text = json.dumps(it.data).replace(json.dumps(ONE), json.dumps(element))
    return it._replace(data=json.loads(text))


OTHER_RESTART = event("restart", {**MOVED, "attempt": 3}, 1001)
ERROR = event("error", {"code": "draining", "request_id": "R"}, 1007)
DONE = event("done", [ONE, AGAIN], 1007)
LATER_DONE = event("done", [ONE, AGAIN], 1008)
LONGER_DONE = event("done", [ONE, AGAIN, TWO], 1007)

WRONG: dict[str, tuple[str, Change]] = {
    "a response without a start": ("one start", drop(0, 2, 0)),
    "two starts": ("one start", add(0, 0, 1, start(1))),
    "an event after the end": ("follows an end", add(0, 3, 9, patch(1008))),
    "two ends": ("follows an end", add(2, 1, 9, LATER_DONE)),
    "two responses with an end": ("2 ends", _two_responses_end),
    "no end": ("0 ends", drop(1, 1, -1)),
    "a position twice": ("do not grow", add(0, 0, 9, patch(5, HALF))),
    "a position that goes back": ("do not grow", add(2, 1, 2, patch(1002))),
    "a start beyond what follows": ("do not grow", put(0, 0, 0, start(4))),
    "what was read before": ("again", put(0, 3, 0, start(1003))),
    "two values": ("two things at", put(0, 3, -1, LONGER_DONE)),
    "an end at two positions": ("several positions", put(1, 1, -1, LATER_DONE)),
    "a value and an error": ("two things at", put(1, 1, -1, ERROR)),
    "two restarts at one position": ("two things at", put(2, 0, -1, OTHER_RESTART)),
    "two states at one position": ("two things at", _another_state),
    "another answer without a restart": ("was shown, and then", drop(0, 2, 1)),
    "an end that contradicts": ("was shown, and then", add(1, 1, 2, event(None, [ONE, TWO], None))),
    "an end with fewer elements": ("was shown, and then", _all_end_early),
    "an item that comes twice": ("was shown, and then", add(2, 1, 1, item(ONE, 1002))),
    "a value that nobody wrote": ("no answer", _another_answer),
    "a value of an answer that was cut off": ("no answer", _no_whole_answer),
    "a value with a part of its answer": ("1 elements of 2 are a value", _longer_answer),
    "an element that nobody wrote is kept": ("of no earlier answer", _another_quote),
}


@pytest.mark.parametrize(("says", "change"), WRONG.values(), ids=WRONG)
def test_it_sees(says: str, change: Change) -> None:
    readings, asked = deepcopy(moved()), requests()
    change(readings, asked)
    with pytest.raises(Wrong, match=says):
        judge(readings, asked)
