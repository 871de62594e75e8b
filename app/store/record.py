"""What a stream's key in the store holds: one record an entry.

The entries of a Redis Stream have ids that grow: `{epoch}-{number}`. The first epoch is that of
the process that has begun the stream, and each takeover begins the next one. Redis refuses an id
that is not above the last one, so a producer that was taken over can't write any more.
https://redis.io/docs/latest/commands/xadd/

Records are JSON, compressed where that saves much. Nothing is pickled: who can write to the store
must not be able to run code.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.streams.log import stand_in
from app.streams.log_entry import LogEntry

FIELD: Final = b"r"
"""The one field of an entry."""

SMALL: Final = 1024
"""Bytes of JSON that are not compressed: it would take longer than it saves."""

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a record that is not compressed any more."""

EPOCH_POSITIONS: Final = 10_000_000
"""The positions of an epoch. Its log begins beyond what the one before can have shown."""

MOST_STEP: Final = 2**20
"""How far the next epoch may be from the last one. With positions that JavaScript can count, a
stream has hundreds of epochs."""


class Claim(msgspec.Struct, frozen=True, tag="claim", omit_defaults=True):
    """A process takes the stream. It alone writes from here on.

    process: its id
    owner: a digest of the stream's id and its owner
    schema, version, model: what was asked for, and `digest` of all of it
    request: the parameters as JSON; None where the settings keep them out of the store
    key: the name of the idempotency key in the store
    caller, request_id: those of the call that has begun the stream, for the log
    trace: what tells of the trace that this call belongs to; empty where it belongs to none
    takeovers: how often a process that had it has died
    """

    process: str
    owner: str
    schema: str
    version: str
    model: str
    digest: str
    request: str | None = None
    key: str | None = None
    caller: str = ""
    request_id: str = "-"
    trace: dict[str, str] = {}
    reasoning: bool = False
    takeovers: int = 0


class Batch(msgspec.Struct, frozen=True, tag="batch", omit_defaults=True):
    """Entries of the log.

    process: who writes them. Its claim may be lost
    start: the position before them
    answered: whether the provider has begun an answer
    model: the one that is asked now, if it is another one than before
    """

    process: str
    start: int
    entries: Sequence[LogEntry]
    answered: bool = True
    model: str | None = None


class End(msgspec.Struct, frozen=True, tag="end", omit_defaults=True):
    """The stream has ended. This is all of its log, and all that is left of it.

    forgotten: it is not kept; only those who are reading it learn how it has ended
    """

    claim: Claim
    start: int
    entries: Sequence[LogEntry]
    answered: bool = True
    forgotten: bool = False
    model: str | None = None


class EndText(msgspec.Struct, frozen=True, tag="end", omit_defaults=True):
    """An `End` as it is written: its entries are JSON already. It is read as an `End`."""

    claim: Claim
    start: int
    entries: msgspec.Raw
    answered: bool = True
    forgotten: bool = False
    model: str | None = None


class Released(msgspec.Struct, frozen=True, tag="released", omit_defaults=True):
    """The process stops: whoever wants the stream may claim it at once."""


Record = Claim | Batch | End | Released


class EntryId(msgspec.Struct, frozen=True, order=True):
    """The id of an entry of a Redis Stream."""

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"

    @classmethod
    def read(cls, id: bytes | str) -> EntryId:
        epoch, _, number = (id.decode() if isinstance(id, bytes) else id).partition("-")
        return cls(int(epoch), int(number))


LAST_NUMBER: Final = 2**64 - 1
"""The highest number that Redis takes in an id."""


def base_of(epoch: int) -> int:
    """The position at which the log of an epoch begins."""
    return (epoch - 1) * EPOCH_POSITIONS


def next_epoch(epoch: int) -> int:
    """An epoch after this one, which no other claim will have.

    A store that has lost a claim doesn't know its epoch any more. If the next claim had the same
    one, two processes would write under it, and their readers would get a part of each.
    """
    return epoch + 1 + secrets.randbelow(MOST_STEP)


def epoch_of(position: int) -> int:
    """The epoch whose log has a position."""
    return position // EPOCH_POSITIONS + 1


def encode(record: Record | EndText) -> bytes:
    """A record as bytes."""
    json = _encoder.encode(record)
    return json if len(json) <= SMALL else zlib.compress(json, 1)


def decode(data: bytes) -> Record:
    """The record of some bytes. Raises `BadRecord`."""
    try:
        json = data if data[:1] == b"{" else _decompressed(data)
        return _decoder.decode(json)
    except (msgspec.MsgspecError, zlib.error, UnicodeDecodeError) as error:
        raise BadRecord from error


def _decompressed(data: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    json = decompressor.decompress(data, MOST_BYTES)
    if not decompressor.eof:
        raise BadRecord
    return json


class BadRecord(Exception):
    """The store holds something that this version can't read."""


def records(entries: Sequence[Any]) -> list[tuple[EntryId, Record]]:
    """The records of a Redis Stream, as XRANGE and XREAD give its entries. Raises `BadRecord`."""
    try:
        return [(EntryId.read(id), decode(_fields(fields)[FIELD])) for id, fields in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise BadRecord from error


def _fields(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


_encoder = msgspec.json.Encoder(enc_hook=stand_in)
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
