"""Streams and those who follow them, in a loop whose clock leaps: times below are exact."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

from app.errors import OutputInvalid, ProviderTimeout
from app.partial.operation import Add, Append, Replace
from app.streams.follower import follow
from app.streams.log import MANY
from app.streams.log_entry import Done, Failed, Restart, Usage
from app.streams.stream import Stream
from app.views.delta import DeltaView
from app.views.message import Message
from app.views.snapshot import SnapshotView
from tests.support.begun import begun
from tests.support.clock import run

Seen = list[tuple[float, str]]

RESTART = Restart(2, "output_invalid", [])


def shown(batch: list[Message]) -> str:
    """A batch as `event data` each, and a heartbeat as `ping`."""
    return " | ".join(f"{m.event or ''} {m.data.decode()}".strip() for m in batch) or "ping"


async def followed(
    target: Stream, *, interval: float = 0.05, heartbeat: float = 15, reading: float = 0
) -> Seen:
    """What a follower gets, and when; it takes `reading` seconds for each batch.

    Before the first it has `start` to read.
    """
    loop = asyncio.get_running_loop()
    view = SnapshotView("R")
    await asyncio.sleep(reading)
    seen: Seen = []
    async for batch in follow(
        target,
        lambda entries, position: view.messages(target, entries, position),
        interval=interval,
        heartbeat=heartbeat,
    ):
        seen.append((round(loop.time(), 3), shown(batch)))
        await asyncio.sleep(reading)
    return seen


def write(target: Stream, value: Any) -> None:
    """What a decoder does that has decoded `value`."""
    target.write([Replace((), value)], value, range(0))


def tell(target: Stream, what: Restart | Usage | Done | Failed) -> None:
    """What a producer does at these events."""
    if isinstance(what, Restart):
        target.restart(what.attempt, OutputInvalid(errors=what.errors))
    elif isinstance(what, Usage):
        target.figures.usage, target.figures.attempts = what, what.attempts
    else:
        target.end(what)


def of(steps: list[tuple[float, Any]], **pace: float) -> Seen:
    """What a follower sees of a stream in which these things happen at these times."""

    async def main() -> Seen:
        target = begun()
        follower = asyncio.create_task(followed(target, **pace))
        for at, what in steps:
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            if isinstance(what, Restart | Usage | Done | Failed):
                tell(target, what)
            else:
                write(target, what)
        return await follower

    return run(main())


def test_the_first_partial_goes_out_at_once_and_then_one_an_interval_the_newest() -> None:
    steps = [(1 + n * 0.008, n) for n in range(16)]  # every 8 ms
    assert of([*steps, (9, Done())]) == [
        (1.0, "0"),
        (1.05, "6"),
        (1.1, "12"),
        (1.15, "15"),
        (9.0, "done 15"),
    ]


def test_without_an_interval_each_state_goes_out_at_once() -> None:
    steps = [(1, "a"), (1.001, "ab"), (1.002, "abc"), (1.003, Done())]
    assert of(steps, interval=0) == [
        (1.0, '"a"'),
        (1.001, '"ab"'),
        (1.002, '"abc"'),
        (1.003, 'done "abc"'),
    ]


def test_after_a_pause_longer_than_the_interval_a_partial_does_not_wait() -> None:
    assert of([(1, 1), (8, 2), (9, Done())], interval=5) == [
        (1.0, "1"),
        (8.0, "2"),
        (9.0, "done 2"),
    ]


def test_what_is_unsent_goes_out_before_done_which_does_not_wait() -> None:
    assert of([(1, "a"), (1.01, "ab"), (1.02, Done())], interval=5) == [
        (1.0, '"a"'),
        (1.02, '"ab" | done "ab"'),
    ]


def test_usage_comes_before_the_end() -> None:
    assert of([(1, "a"), (1.02, Usage(7, 9, 1)), (1.02, Done())]) == [
        (1.0, '"a"'),
        (1.02, 'usage {"input_tokens":7,"output_tokens":9,"attempts":1} | done "a"'),
    ]


def test_an_error_does_not_wait() -> None:
    (first, last) = of([(1, "a"), (1.01, Failed.of(ProviderTimeout()))], interval=5)
    assert first == (1.0, '"a"')
    assert last == (
        1.01,
        'error {"error":"The model\'s provider took too long.","code":"provider_timeout",'
        '"retryable":true,"request_id":"R"}',
    )


def test_a_restart_does_not_wait_and_what_it_undoes_is_left_out() -> None:
    steps = [
        (1, "a"),
        (1.01, "ab"),
        (1.02, RESTART),
        (1.03, "A"),
        (3, Done()),
    ]
    assert of(steps, interval=1) == [
        (1.0, '"a"'),
        (1.02, 'restart {"attempt":2,"code":"output_invalid","errors":[]}'),
        (2.02, '"A"'),
        (3.0, 'done "A"'),
    ]


def test_a_slow_reader_skips_to_the_newest_state() -> None:
    steps = [(n * 0.3, n) for n in range(1, 33)]
    assert of([*steps, (10, Done())], reading=4) == [
        (4.0, "13"),  # it was reading `start` till then
        (8.0, "26"),
        (12.0, "32 | done 32"),
    ]


def test_a_reader_that_is_very_far_behind_is_given_the_state() -> None:
    async def main() -> list[Message]:
        target = begun()
        target.write([Replace((), ""), *[Append((), "x")] * (2 * MANY)], "x" * 2 * MANY, range(0))
        target.end(Done())
        target.pack()
        make = partial(DeltaView("R").messages, target)
        return [m async for batch in follow(target, make, interval=0, heartbeat=9) for m in batch]

    patch, done = run(main())
    assert json.loads(patch.data) == [{"op": "replace", "path": "", "value": "x" * 2 * MANY}]
    assert (done.event, json.loads(done.data)) == ("done", "x" * 2 * MANY)
    assert [m.id.rpartition("-")[2] for m in (patch, done)] == [
        f"{2 * MANY + 1}",
        f"{2 * MANY + 2}",
    ]


def test_a_stream_goes_back_to_the_state_that_its_log_makes() -> None:
    async def main() -> Stream:
        target = begun()
        write(target, "of the first attempt")
        tell(target, RESTART)
        value: list[int] = []
        for number in range(2 * MANY):
            value.append(number)
            operation = Add((number,), number) if number else Replace((), [0])
            target.write([operation], value, range(0))
        value += ["what the decoder did before it failed"]
        target.rewind()
        return target

    assert run(main()).document.value == list(range(2 * MANY))


def test_a_heartbeat_goes_out_after_silence_only() -> None:
    steps = [(14, 1), (28, 2), (60, Done())]
    assert of(steps) == [
        (14.0, "1"),
        (28.0, "2"),
        (43.0, "ping"),
        (58.0, "ping"),
        (60.0, "done 2"),
    ]


def test_heartbeats_come_in_time_where_the_interval_is_longer_and_send_no_partial_early() -> None:
    assert of([(1, 1), (1.5, 2), (9, Done())], interval=5, heartbeat=2) == [
        (1.0, "1"),
        (3.0, "ping"),
        (5.0, "ping"),
        (6.0, "2"),
        (8.0, "ping"),
        (9.0, "done 2"),
    ]


def test_entries_that_make_no_message_do_not_put_off_the_heartbeat() -> None:
    async def main() -> Seen:
        target = begun()
        follower = asyncio.create_task(followed(target, heartbeat=1))
        for index in range(95):
            target.write([], None, range(index, index + 1))
            await asyncio.sleep(0.03)
        target.end(Done())
        return await follower

    assert [what for _, what in run(main())] == ["ping", "ping", "done null"]


def test_text_is_asked_for_when_a_follower_waits_for_it_and_not_when_it_comes() -> None:
    asked: list[float] = []

    async def main() -> Seen:
        target = begun()
        loop = asyncio.get_running_loop()
        follower = asyncio.create_task(followed(target, interval=0.5))
        while loop.time() < 1.2:
            await target.audience.demand(10)
            asked.append(round(loop.time(), 3))
            await asyncio.sleep(0.01)  # until text comes
            write(target, len(asked))
        target.end(Done())
        return await follower

    seen = run(main())
    assert asked == [0.0, 0.51, 1.02, 1.53]
    assert seen == [(0.01, "1"), (0.52, "2"), (1.03, "3"), (1.54, "4 | done 4")]


def test_text_is_asked_for_in_time_where_nobody_waits_and_once_no_more_will_come() -> None:
    async def main() -> list[float]:
        target, loop = begun(), asyncio.get_running_loop()
        received: asyncio.Future[None] = loop.create_future()
        times = []
        received.add_done_callback(target.audience.end_demand)
        loop.call_at(0.35, received.set_result, None)
        for _ in range(4):
            await target.audience.demand(0.1)
            times.append(round(loop.time(), 3))
        return times

    assert run(main()) == [0.1, 0.2, 0.3, 0.35]


def test_two_followers_of_one_stream_go_at_their_own_pace_and_agree() -> None:
    async def main() -> list[Seen]:
        target = begun()
        followers = [
            asyncio.create_task(followed(target, interval=interval)) for interval in (0.02, 0.05)
        ]
        for n in range(10):
            await asyncio.sleep(0.009)
            write(target, n)
        late = asyncio.create_task(followed(target))
        await asyncio.sleep(1)
        target.end(Done())
        return await asyncio.gather(*followers, late)

    fast, slow, late = run(main())
    assert [what for _, what in fast] == ["0", "2", "4", "6", "8", "9", "done 9"]
    assert [what for _, what in slow] == ["0", "5", "9", "done 9"]
    assert [what for _, what in late] == ["9", "done 9"]


def test_one_who_follows_a_stream_that_has_ended_gets_its_state_and_its_end() -> None:
    async def main() -> Seen:
        target = begun()
        write(target, "a")
        target.end(Done())
        return await followed(target)

    assert run(main()) == [(0.0, '"a" | done "a"')]


def test_ids_are_positions_in_the_log_and_grow() -> None:
    async def main() -> list[str | None]:
        target, view = begun(), SnapshotView("R")
        write(target, "a")
        tell(target, RESTART)
        write(target, "b")
        tell(target, Usage(1, 1, 2))
        target.end(Done())
        batches = follow(
            target,
            lambda entries, position: view.messages(target, entries, position),
            interval=0,
            heartbeat=15,
        )
        rest = [message async for batch in batches for message in batch]
        return [message.id for message in [*view.start(target, 0), *rest]]

    assert run(main()) == ["S-0", "S-2", None, "S-4", "S-5"]


def test_a_follower_that_goes_leaves_nothing_behind() -> None:
    async def main() -> tuple[float, float]:
        target = begun()
        follower = asyncio.create_task(followed(target))
        await asyncio.sleep(1)
        with_follower = await waits(target)
        follower.cancel()
        await asyncio.wait({follower})
        return with_follower, await waits(target)

    async def waits(target: Stream) -> float:
        """For how many seconds a producer would wait for a follower, of five at most."""
        began = asyncio.get_running_loop().time()
        await target.audience.demand(5)
        return asyncio.get_running_loop().time() - began

    assert run(main()) == (0, 5)
