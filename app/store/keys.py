"""The names of keys in a store. All begin with `ss:`, so an ACL can allow these alone."""

from __future__ import annotations

from hashlib import blake2b


def stream(id: str) -> str:
    """A stream's records."""
    return f"ss:s:{id}"


def mark(id: str) -> str:
    """What is left of a stream that is no longer kept: a digest of its owner, and the process."""
    return f"ss:x:{id}"


def lease(process: str) -> str:
    """There as long as a process lives."""
    return f"ss:n:{process}"


def mailbox(process: str) -> str:
    """Messages for a process."""
    return f"ss:m:{process}"


def idempotency(owner: str, key: str) -> str:
    """The id of the stream that an owner has begun with an idempotency key."""
    return f"ss:i:{digest(owner, key)}"


def caller(name: str) -> str:
    """How many streams a caller has in each process."""
    return f"ss:c:{digest(name)}"


def digest(*parts: str) -> str:
    """Of some texts. They can't be told from it."""
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
