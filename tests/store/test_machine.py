"""Processes that claim a stream, append to it, lose it, release it and end it, in any order.

The store is a real server; the processes are what `Mirror` and `Replica` make of its answers. A
reader takes what is there at any time. Whatever happens, it never sees text that the owner of the
epoch has not written, its position never goes back, and all who see the end see the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, ClassVar

import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.redis.address import Address
from app.redis.link import Link
from app.store import keys
from app.store.commands import elect
from app.store.ids import new_id
from app.store.mirror import Fate, Mirror
from app.store.record import (
    FIELD,
    Batch,
    Claim,
    End,
    EntryId,
    base_of,
    encode,
    next_epoch,
    records,
)
from app.store.replica import Hole, Replica
from app.streams.stream import Stream
from tests.store.streams import claim_of, finish, new_stream, write
from tests.support.examples import searched
from tests.support.redis import VALKEY, redis

PROCESSES = st.sampled_from("abc")
RARELY = st.sampled_from([False, False, False, True])

SECONDS = 60
"""How long the store may take to answer on a machine that is busy with other tests."""


class Machine(RuleBasedStateMachine):
    """link: to the store. loop: in which all of it happens"""

    link: ClassVar[Link]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def __init__(self) -> None:
        super().__init__()
        self.id = new_id(1, 0)
        self.now = 100.0
        self.owners: dict[str, Mirror] = {}  # by process, of those who believe that they are
        self.written: dict[int, str] = {}  # the text of each epoch
        self.reader = self.run(self.replica())
        self.seen = 0
        self.has_lost = False
        self.begin()

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(what)

    async def replica(self) -> Replica:
        stream = new_stream(self.id)
        stream.is_copy = True
        return Replica(stream, claim_of(stream, "nobody"), EntryId(1, 0))

    def begin(self) -> None:
        async def begin() -> None:
            stream = new_stream(self.id)
            claim = claim_of(stream, "a")
            await self.ask(("XADD", self.name, "1-0", FIELD, encode(claim)))
            self.own("a", stream, claim, EntryId(1, 0))

        self.run(begin())

    def own(self, process: str, stream: Stream, claim: Claim, last: EntryId) -> None:
        stream.agree = lambda stream: None
        self.owners[process] = Mirror(stream, claim, last, self.now, retention=300)
        self.written[last.epoch] = ""

    @property
    def name(self) -> str:
        return keys.stream(self.id)

    async def ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        return await self.link.call(commands)

    async def bring(self, process: str, *, arrives: bool = True, answered: bool = True) -> None:
        """Let an owner send what it has."""
        mirror = self.owners[process]
        self.now += 2
        while mirror.is_due(self.now):
            commands = mirror.commands(self.now)
            answers = await self.ask(*commands) if arrives else None
            fate = mirror.took(answers if answered else None)
            if fate is not Fate.GOES_ON:
                del self.owners[process]
                if fate is Fate.STORED:
                    mirror.stream.conclude()
                return
            if not answered:
                return

    @rule(number=st.integers(0, 1), ways=st.lists(st.integers(0, 3), min_size=1, max_size=3))
    def append(self, number: int, ways: list[int]) -> None:
        """number: which of the owners. ways: 1 loses the answer, 2 the commands"""

        async def append(way: int) -> None:
            process = self.owner(number)
            mirror = self.owners.get(process)
            if mirror is None or mirror.stream.last_entries or mirror.is_released:
                return
            write(mirror.stream, str(way))
            self.written[mirror.last.epoch] += str(way)
            await self.bring(process, arrives=way != 2, answered=way not in (1, 2))

        for way in ways:
            self.run(append(way))
            self.read()

    def owner(self, number: int) -> str:
        """One of those who believe that they are, the latest first; "" if there is none."""
        owners = [*reversed(self.owners), ""]
        return owners[min(number, len(owners) - 1)]

    @rule(number=st.integers(0, 1), now=RARELY)
    def release(self, number: int, now: bool) -> None:
        async def release() -> None:
            process = self.owner(number)
            if now and (mirror := self.owners.get(process)) and not mirror.stream.last_entries:
                mirror.is_released = mirror.is_urgent = True
                await self.bring(process)

        self.run(release())

    @rule(number=st.integers(0, 1), answered=st.booleans(), now=RARELY)
    def end(self, number: int, answered: bool, now: bool) -> None:
        async def end() -> None:
            process = self.owner(number)
            mirror = self.owners.get(process)
            if now and mirror is not None and not mirror.is_released and mirror.stream.was_begun:
                finish(mirror.stream)
                await self.bring(process, answered=answered)

        self.run(end())

    @rule(claimants=st.lists(PROCESSES, min_size=1, max_size=2, unique=True))
    def claim(self, claimants: list[str]) -> None:
        """Some processes think that the owner is dead, look at the same time, and claim."""

        async def claim() -> None:
            ready = [it for it in claimants if it not in self.owners]
            copies = {it: await self.replica() for it in ready}
            [entries] = await self.ask(("XRANGE", self.name, "-", "+"))
            for copy in copies.values():
                take(copy, entries)
            won = [it for it, copy in copies.items() if await self.claims(it, copy)]
            assert len(won) <= 1

        self.run(claim())

    async def claims(self, process: str, copy: Replica) -> bool:
        if copy.stream.ended:
            return False
        last = EntryId(next_epoch(copy.epoch), 0)
        claim = claim_of(copy.stream, process)
        [answer] = await self.ask(elect(self.id, copy.epoch, last, claim, 300))
        if not isinstance(answer, bytes):
            return False
        copy.stream.take_over(base_of(last.epoch), 0)
        copy.stream.go_on(None, None)
        self.own(process, copy.stream, claim, last)
        return True

    @rule()
    def read(self) -> None:
        async def read() -> None:
            [entries] = await self.ask(("XRANGE", self.name, f"({self.reader.last}", "+"))
            if take(self.reader, entries):
                [entries] = await self.ask(("XRANGE", self.name, "-", "+"))
                if take(self.reader, entries):
                    assert self.has_lost, "entries are missing that were written"
                    await self.mend()

        self.run(read())

    async def mend(self) -> None:
        """Ask the owner for all of it."""
        for process, mirror in list(self.owners.items()):
            if mirror.last.epoch == self.reader.epoch:
                mirror.resync()
                await self.bring(process)
                [entries] = await self.ask(("XRANGE", self.name, f"({self.reader.last}", "+"))
                assert not take(self.reader, entries)

    @rule(now=RARELY)
    def lose_all(self, now: bool) -> None:
        if now:
            self.has_lost = True
            self.run(self.ask(("DEL", self.name)))

    @invariant()
    def what_is_read_was_written_in_its_epoch(self) -> None:
        stream = self.reader.stream
        assert stream.position >= self.seen
        self.seen = stream.position
        epoch = stream.log.base // base_of(2) + 1
        text = str(stream.document.value) if stream.document.known else ""
        assert self.written.get(epoch, "").startswith(text)
        if stream.ended:
            assert text == self.written[epoch]

    def teardown(self) -> None:
        self.run(self.ask(("DEL", self.name)))


def take(copy: Replica, entries: Any) -> bool:
    """Whether something is missing after all that has come."""
    has_hole = False
    for id, record in records(entries):
        try:
            copy.take(id, record)
            has_hole = has_hole and not isinstance(record, Batch | End)
        except Hole:
            has_hole = True
    return has_hole


@pytest.fixture(params=["redis-server", VALKEY])
def machine(request: pytest.FixtureRequest) -> Iterator[type[Machine]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()
        url = runner.run(stack.enter_async_context(redis(request.param)))
        Machine.loop, Machine.link = runner.get_loop(), Link(Address(url), SECONDS)
        try:
            yield Machine
        finally:
            runner.run(Machine.link.close())
            runner.run(stack.aclose())


def test_one_at_a_time_publishes_and_nothing_is_read_that_was_not_written(
    machine: type[Machine],
) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(searched(30), stateful_step_count=30),
    )


def test_an_epoch_that_the_store_has_lost_is_not_begun_again(machine: type[Machine]) -> None:
    processes = machine()
    processes.claim(claimants=["b"])
    processes.append(number=0, ways=[0])
    processes.lose_all(now=True)
    processes.release(number=1, now=True)  # the first owner, which does not know of the second
    processes.claim(claimants=["a"])
    for number in (0, 1):
        processes.append(number=number, ways=[0])
        processes.what_is_read_was_written_in_its_epoch()
    processes.teardown()
