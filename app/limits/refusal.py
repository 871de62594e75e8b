"""A caller has reached a limit of its own."""

from __future__ import annotations

from app.errors import RateLimited


class Refusal(RateLimited):
    """limit: the limit's name, for the metrics. what: it in words. seconds: until it may go on."""

    def __init__(self, limit: str, what: str, seconds: float) -> None:
        super().__init__(f"You have reached your limit of {what}.", retry_after=max(1.0, seconds))
        self.limit = limit
