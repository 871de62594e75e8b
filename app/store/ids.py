"""The ids of streams that processes share. An id says when its stream was born, and in which shard.

So a new shard needs no migration: each stream is looked for where it was begun. And what was born
too long ago is known to be gone, without a question.
"""

from __future__ import annotations

import string
from typing import NamedTuple

from app.streams.random_letters import random_letters

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
"""In the order of ASCII, so that ids are in the order of their birth."""

RANDOM = 22
"""Characters: 130 random bits. Without keys, the id alone protects the stream."""

BORN = 6
"""Characters: seconds since 1970, until the year 3770."""


class StreamId(NamedTuple):
    """What an id says.

    born: seconds since 1970
    shard: the index of the shard's URL in the setting
    """

    born: int
    shard: int


def new_id(born: float, shard: int) -> str:
    """A new id, of 29 letters and digits."""
    return _written(int(born)) + ALPHABET[shard] + random_letters(ALPHABET, RANDOM)


def read_id(id: str) -> StreamId | None:
    """What an id says; None if it is not one of these."""
    if len(id) != BORN + 1 + RANDOM or not id.isalnum() or not id.isascii():
        return None
    born = 0
    for character in id[:BORN]:
        born = born * len(ALPHABET) + ALPHABET.index(character)
    return StreamId(born, ALPHABET.index(id[BORN]))


def seconds_since(id: str, now: float) -> float:
    """How long ago a stream was born, by the clocks of the process that began it and of this one.

    now: seconds since 1970. An id that does not say it counts as new
    """
    said = read_id(id)
    return 0.0 if said is None else max(now - said.born, 0.0)


def _written(number: int) -> str:
    digits = ""
    for _ in range(BORN):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
