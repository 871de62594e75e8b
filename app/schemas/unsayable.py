"""What a dialect of JSON Schema can't say."""

from __future__ import annotations


class Unsayable(ValueError):
    """A schema has something that a dialect has no words for. The message says what."""
