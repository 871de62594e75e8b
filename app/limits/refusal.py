"""A caller has reached a limit of its own."""

from __future__ import annotations

from app.errors import RateLimited


def reached(limit: str, what: str, seconds: float) -> RateLimited:
    """The error to raise.

    limit: the limit's name
    what: the limit in words
    seconds: until the caller may go on
    """
    error = RateLimited(f"You have reached your limit of {what}.", retry_after=max(1.0, seconds))
    error.limit = limit
    return error
