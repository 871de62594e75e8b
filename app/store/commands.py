"""The commands that begin a stream in a store, take it, and take it back."""

from __future__ import annotations

from typing import Final

from msgspec import structs

from app.errors import Cancelled
from app.redis.link import Command
from app.store import keys
from app.store.record import FIELD, Claim, End, EntryId, base_of, encode, next_epoch
from app.streams.log_entry import Failed

RUNNING_SECONDS: Final = 300
"""How long the store keeps a running stream of which it hears nothing more."""

FIRST: Final = EntryId(1, 0)
"""The id of the claim with which a stream begins."""


def begin(id: str, claim: Claim, retention: float) -> list[Command]:
    """Begin a stream. The answer to the last command is the stream that has its key, if any."""
    name, seconds = keys.stream(id), RUNNING_SECONDS + retention
    added: list[Command] = [
        ("XADD", name, str(FIRST), FIELD, encode(claim)),
        ("PEXPIRE", name, round(seconds * 1000)),
    ]
    return added if claim.key is None else [*added, hold(claim.key, id, retention)]


def undo(id: str, key: str | None) -> list[Command]:
    """Take back that a stream was begun."""
    gone: Command = ("DEL", keys.stream(id))
    return [gone] if key is None else [gone, free(key, id)]


def hold(key: str, id: str, retention: float) -> Command:
    """Hold an idempotency key for a stream, unless another one has it."""
    return ("SET", key, id, "NX", "GET", "PX", round((RUNNING_SECONDS + retention) * 1000))


def free(key: str, id: str) -> Command:
    """Free an idempotency key, if it is this stream's."""
    return ("EVAL", _FREE, 1, key, id)


def elect(id: str, seen: int, at: EntryId, record: Claim | End, retention: float) -> Command:
    """Claim a stream, unless another process has claimed it since the epoch that was seen.

    A store that has lost the stream has it again.
    """
    seconds = retention if isinstance(record, End) else RUNNING_SECONDS + retention
    ms = round(seconds * 1000)
    return ("EVAL", _ELECT, 1, keys.stream(id), seen, str(at), FIELD, encode(record), ms)


def forget(id: str, claim: Claim, last: EntryId, *, has_ended: bool) -> list[Command]:
    """Forget a stream whose owner does not. Who reads it learns that it was cancelled.

    claim: its present one. last: the id of its last record
    """
    name = keys.stream(id)
    gone: list[Command] = [("DEL", name), ("DEL", keys.mark(id))]
    if not has_ended:
        epoch = next_epoch(last.epoch)
        left = structs.replace(claim, request=None)
        end = End(left, base_of(epoch), [Failed.of(Cancelled())], forgotten=True)
        only = ("NOMKSTREAM", "MAXLEN", "=", 1)
        # It stays as long as its owner may come back, and would write the stream again.
        gone = [
            ("XADD", name, *only, str(EntryId(epoch, 0)), FIELD, encode(end)),
            ("PEXPIRE", name, RUNNING_SECONDS * 1000),
        ]
    return gone if claim.key is None else [*gone, free(claim.key, id)]


_ELECT = """
local last = redis.call('xrevrange', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last or tonumber(string.match(last[1], '%d+')) <= tonumber(ARGV[1]) then
    local added = redis.call('xadd', KEYS[1], ARGV[2], ARGV[3], ARGV[4])
    redis.call('pexpire', KEYS[1], ARGV[5])
    return added
end
"""

_FREE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
