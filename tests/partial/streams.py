"""Literal streams."""

from __future__ import annotations

import copy
from typing import Any

from app.partial.decoder import Decoder
from app.partial.plan import plan


def shown(type_: Any, *texts: str, key: str | None = None) -> list[Any]:
    """What is shown after each of the texts."""
    decoder = Decoder(plan(type_), key=key)
    values = []
    for text in texts:
        decoder.feed(text)
        values.append(copy.deepcopy(decoder.value))
    return values
