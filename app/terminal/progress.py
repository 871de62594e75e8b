"""Keeps the figures of a stream: seconds, characters, tokens, attempts. Time is passed in."""

from __future__ import annotations

from typing import Any


class Progress:
    """started: the time of the request. All times here are of the same clock."""

    def __init__(self, started: float) -> None:
        self.attempt = 1
        self._started = started
        self._first: float | None = None
        self._began = started  # when the attempt had its first content
        self._size = 0

    def update(self, value: Any, attempt: int, now: float) -> None:
        """Count a partial that came at the time `now`."""
        if attempt != self.attempt:
            self.attempt, self._size = attempt, 0
        before, self._size = self._size, size(value)
        if self._size and not before:
            self._began = now
            self._first = self._first if self._first is not None else now

    def words(self, now: float, tokens: tuple[int, int] | None = None) -> str:
        """The figures in one line. tokens: the input and output tokens, if they were reported."""
        parts = [f"{now - self._started:.1f} s"]
        if self._first is not None:
            parts.append(f"first content {self._first - self._started:.2f} s")
        if self._size and now > self._began:
            rate = self._size / (now - self._began)
            parts.append(f"{self._size} characters, {rate:.0f}/s")
        if tokens is not None:
            parts.append(f"tokens: {tokens[0]} in, {tokens[1]} out")
        if self.attempt > 1:
            parts.append(f"attempt {self.attempt}")
        return " · ".join(parts)


def size(value: Any) -> int:
    """How many characters the leaves of a value have."""
    if isinstance(value, dict | list):
        return sum(map(size, value.values() if isinstance(value, dict) else value))
    return 0 if value is None else len(str(value))
