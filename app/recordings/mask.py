"""Keeps secrets out of bytes that come piece by piece. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

SHORTEST: Final = 6
"""A shorter secret is not looked for: its letters stand in too many words."""


class Mask:
    """Replaces each secret by asterisks, as many as it has bytes, also across two pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret for secret in secrets if len(secret) >= SHORTEST}
        forms = {form.encode() for each in found for form in (each, json.dumps(each)[1:-1])}
        longest_first = sorted(forms, key=len, reverse=True)
        self._longest = max(map(len, forms), default=1)
        self._any = re.compile(b"|".join(map(re.escape, longest_first)) or b"(?!)")
        self._held: list[tuple[float, bytes]] = []

    def masked(self, data: bytes) -> bytes:
        """Bytes that are whole, without secrets."""
        return self._any.sub(lambda found: b"*" * len(found[0]), data)

    def feed(self, at: float, data: bytes) -> Iterator[tuple[float, bytes]]:
        """Take a piece that came at that time. Gives those in which no secret can go on."""
        self._held.append((at, data))
        self._mask_held()
        while self._held:
            after = sum(len(piece) for _, piece in self._held[1:])
            if after < self._longest - 1:
                return
            yield self._held.pop(0)

    def flush(self) -> Iterator[tuple[float, bytes]]:
        """The pieces that are left."""
        yield from self._held
        self._held.clear()

    def _mask_held(self) -> None:
        whole = self.masked(b"".join(piece for _, piece in self._held))
        start, pieces = 0, []
        for at, piece in self._held:
            pieces.append((at, whole[start : start + len(piece)]))
            start += len(piece)
        self._held = pieces
