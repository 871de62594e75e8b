"""`Accept` to one of the formats (RFC 9110 12.5.1): the highest q wins, ties go by order."""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum

from app.errors import NotAcceptable
from app.views import ndjson, sse


class Format(StrEnum):
    """What a response is written in; the value is its media type. A wildcard takes the first."""

    SSE = sse.MEDIA_TYPE
    NDJSON = ndjson.MEDIA_TYPE
    JSON = "application/json"


def negotiate(accept: str) -> Format:
    """The format for an `Accept` header; without one, SSE. Raises `NotAcceptable`."""
    wanted = [_parse(part) for part in accept.split(",") if part.strip()]
    if not wanted:
        return Format.SSE
    refused = {range_ for range_, quality in wanted if not quality}
    found = [
        (quality, format)
        for range_, quality in wanted
        if quality and (format := _format(range_, refused)) is not None
    ]
    if not found:
        raise NotAcceptable
    return max(found, key=lambda pair: pair[0])[1]  # of equals, max() takes the first


def _format(range_: str, refused: Set[str]) -> Format | None:
    """The first format in a media range that no narrower range refuses (`q=0`)."""
    for format in Format:
        ranges = [format.value, f"{format.split('/')[0]}/*", "*/*"]
        if range_ in ranges and refused.isdisjoint(ranges[: ranges.index(range_)]):
            return format
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
