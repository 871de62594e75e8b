"""Runs and those who follow them, in a loop whose clock leaps: times below are exact."""

from __future__ import annotations

import asyncio
from typing import Any

from app.errors import ProviderTimeout
from app.partial.operation import Replace
from app.streams.log_entry import Done, Failed, Restart, Usage
from app.streams.run import Run, follow
from app.views.message import Message
from app.views.snapshot import SnapshotView
from tests.support.clock import run

Seen = list[tuple[float, str]]


def shown(batch: list[Message]) -> str:
    """A batch as `event data` each, and a heartbeat as `ping`."""
    return " | ".join(f"{m.event or ''} {m.data.decode()}".strip() for m in batch) or "ping"


async def followed(
    target: Run, *, interval: float = 0.05, heartbeat: float = 15, reading: float = 0
) -> Seen:
    """What a follower gets after `start`, and when; it takes `reading` seconds for each batch."""
    loop = asyncio.get_running_loop()
    seen: Seen = []
    async for batch in follow(target, SnapshotView("R"), interval=interval, heartbeat=heartbeat):
        if not (batch and batch[0].event == "start"):
            seen.append((round(loop.time(), 3), shown(batch)))
        if reading:
            await asyncio.sleep(reading)
    return seen


def write(target: Run, value: Any) -> None:
    """What a decoder does that has decoded `value`."""
    target.append([Replace((), value)], value)


def of(steps: list[tuple[float, Any]], **pace: float) -> Seen:
    """What a follower sees of a run in which these things happen at these times."""

    async def main() -> Seen:
        target = Run("S", "ideas", "m")
        follower = asyncio.create_task(followed(target, **pace))
        for at, what in steps:
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            if isinstance(what, Restart | Usage | Done | Failed):
                target.tell(what)
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
        (1.02, Restart(2, "output_invalid", [])),
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


def test_text_that_shows_nothing_does_not_put_off_the_heartbeat() -> None:
    async def main() -> Seen:
        target = Run("S", "ideas", "m")
        follower = asyncio.create_task(followed(target, heartbeat=1))
        for _ in range(100):
            target.text_arrived()
            await asyncio.sleep(0.03)
        target.tell(Done())
        return await follower

    assert [what for _, what in run(main())] == ["ping", "ping", "done null"]


def test_text_is_decoded_when_somebody_looks_and_not_when_it_comes() -> None:
    looks: list[float] = []

    async def main() -> Seen:
        target = Run("S", "ideas", "m")

        def source() -> None:
            looks.append(round(asyncio.get_running_loop().time(), 3))
            write(target, len(looks))

        target.source = source
        follower = asyncio.create_task(followed(target, interval=0.5))
        for _ in range(120):
            await asyncio.sleep(0.01)
            target.text_arrived()
        target.source = None
        target.tell(Done())
        return await follower

    seen = run(main())
    assert looks == [0.01, 0.51, 1.01]
    assert seen == [(0.01, "1"), (0.51, "2"), (1.01, "3"), (1.2, "done 3")]


def test_two_followers_of_one_run_go_at_their_own_pace_and_agree() -> None:
    async def main() -> list[Seen]:
        target = Run("S", "ideas", "m")
        followers = [
            asyncio.create_task(followed(target, interval=interval)) for interval in (0.02, 0.05)
        ]
        for n in range(10):
            await asyncio.sleep(0.009)
            write(target, n)
        late = asyncio.create_task(followed(target))
        await asyncio.sleep(1)
        target.tell(Done())
        return await asyncio.gather(*followers, late)

    fast, slow, late = run(main())
    assert [what for _, what in fast] == ["0", "2", "4", "6", "8", "9", "done 9"]
    assert [what for _, what in slow] == ["0", "5", "9", "done 9"]
    assert [what for _, what in late] == ["9", "done 9"]


def test_one_who_follows_a_run_that_has_ended_gets_its_state_and_its_end() -> None:
    async def main() -> Seen:
        target = Run("S", "ideas", "m")
        write(target, "a")
        target.tell(Done())
        return await followed(target)

    assert run(main()) == [(0.0, '"a" | done "a"')]


def test_ids_are_positions_in_the_log_and_grow() -> None:
    async def main() -> list[str | None]:
        target = Run("S", "ideas", "m")
        write(target, "a")
        target.tell(Restart(2, "output_invalid", []))
        write(target, "b")
        target.tell(Usage(1, 1, 2))
        target.tell(Done())
        pages = follow(target, SnapshotView("R"), interval=0, heartbeat=15)
        return [message.id async for batch in pages for message in batch]

    assert run(main()) == ["S-0", "S-2", None, "S-4", "S-5"]


def test_messages_are_counted() -> None:
    async def main() -> int:
        target = Run("S", "ideas", "m")
        write(target, "a")
        target.tell(Done())
        await followed(target)
        return target.messages

    assert run(main()) == 3  # start, the partial, done


def test_a_follower_that_goes_leaves_nothing_behind() -> None:
    async def main() -> int:
        target = Run("S", "ideas", "m")
        follower = asyncio.create_task(followed(target))
        await asyncio.sleep(1)
        follower.cancel()
        await asyncio.wait({follower})
        return len(target._waiting)

    assert run(main()) == 0
