"""Chooses a format by `Accept`: the highest quality wins; of equals, the first in the header.

A media type has the quality of the most specific range that includes it (RFC 9110 12.5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.errors import NotAcceptable
from app.views.format import FORMATS, SSE, Format

JSON: Final = "application/json"
"""The media type of the final value alone. It is not a `Format`, as nothing is streamed."""

_OFFERED: Final[dict[str, Format | None]] = {
    **{format.media_type: format for format in FORMATS},
    JSON: None,
}
"""What a client may ask for, by media type. A wildcard gets the first."""


def negotiate(accept: str) -> Format | None:
    """The format for an `Accept` header; SSE if it is empty. None: the value alone, as JSON.

    Raises `NotAcceptable`.
    """
    wanted = [_parse(part) for part in accept.split(",") if part.strip()]
    if not wanted:
        return SSE
    preferences = {media_type: _preference(media_type, wanted) for media_type in _OFFERED}
    best = max(preferences, key=lambda it: preferences[it])  # of equals, max() takes the first
    quality, _ = preferences[best]
    if not quality:
        raise NotAcceptable
    return _OFFERED[best]


def _preference(media_type: str, wanted: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """How much a media type is wanted: its quality, and how early in the header it stands.

    wanted: the ranges of the header, with their qualities
    """
    ranges = (media_type, f"{media_type.split('/')[0]}/*", "*/*")
    including = [
        (ranges.index(range_), place, quality)
        for place, (range_, quality) in enumerate(wanted)
        if range_ in ranges
    ]
    _, place, quality = min(including, default=(0, 0, 0.0))
    return quality, -place


def _parse(part: str) -> tuple[str, float]:
    """A media range and its quality; one that can't be read counts as 0."""
    range_, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                return range_, 0.0
    return range_, quality if 0 < quality <= 1 else 0.0
