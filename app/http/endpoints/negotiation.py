"""Chooses a format by `Accept` (RFC 9110 12.5.1): the highest q wins; of equals, the first."""

from __future__ import annotations

from collections.abc import Set
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
    refused = {range_ for range_, quality in wanted if not quality}
    found = [
        (quality, media_type)
        for range_, quality in wanted
        if quality and (media_type := _offered(range_, refused)) is not None
    ]
    if not found:
        raise NotAcceptable
    return _OFFERED[max(found, key=lambda pair: pair[0])[1]]  # of equals, max() takes the first


def _offered(range_: str, refused: Set[str]) -> str | None:
    """The first media type that a range includes and that no narrower range refuses (`q=0`)."""
    for media_type in _OFFERED:
        ranges = [media_type, f"{media_type.split('/')[0]}/*", "*/*"]
        if range_ in ranges and refused.isdisjoint(ranges[: ranges.index(range_)]):
            return media_type
    return None


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
