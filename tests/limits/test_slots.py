"""Room for streams, and the queue for it."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import Overloaded
from app.limits.slots import Slots


async def test_who_finds_room_has_it_at_once_and_who_finds_none_waits_in_order() -> None:
    slots = Slots(2, 2)
    first, second = slots.ask(), slots.ask()
    assert first.done()
    assert second.done()
    third, fourth = slots.ask(), slots.ask()
    assert (slots.taken, slots.waiting) == (2, 2)
    with pytest.raises(Overloaded):
        slots.ask()
    slots.give_back(second)
    assert (third.done(), fourth.done()) == (True, False)
    slots.give_back(third)
    assert fourth.done()
    slots.give_back(first)
    slots.give_back(fourth)
    assert (slots.taken, slots.waiting) == (0, 0)


async def test_who_leaves_the_queue_makes_room_in_it_and_takes_nobodys_turn() -> None:
    slots = Slots(1, 2)
    inside, leaving, next_ = slots.ask(), slots.ask(), slots.ask()
    slots.give_back(leaving)
    last = slots.ask()
    slots.give_back(inside)
    assert (leaving.done(), next_.done(), last.done()) == (False, True, False)
    slots.give_back(next_)
    slots.give_back(last)
    assert (slots.taken, slots.waiting) == (0, 0)


async def test_who_leaves_when_the_turn_has_come_passes_it_on() -> None:
    slots = Slots(1, 2)
    inside, chosen, next_ = slots.ask(), slots.ask(), slots.ask()
    slots.give_back(inside)
    assert chosen.done()  # and has not noticed yet
    slots.give_back(chosen)
    await asyncio.wait_for(next_, 1)
    assert (slots.taken, slots.waiting) == (1, 0)
