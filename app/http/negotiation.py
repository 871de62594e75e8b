"""`Accept` to one of the formats (RFC 9110 12.5.1): the highest q wins, ties go by order."""

from __future__ import annotations

from enum import StrEnum

from app.errors import NotAcceptable
from app.wire import ndjson, sse


class Format(StrEnum):
    """What a response is written in; the value is its media type."""

    SSE = sse.MEDIA_TYPE
    NDJSON = ndjson.MEDIA_TYPE
    JSON = "application/json"


_RANGES = {
    "*/*": Format.SSE,
    "text/*": Format.SSE,
    "application/*": Format.NDJSON,
    **{format.value: format for format in Format},
}


def negotiate(accept: str | None) -> Format:
    """The format for an `Accept` header. Raises `NotAcceptable` where none is served."""
    if accept is None or not accept.strip():
        return Format.SSE
    wanted = [_parse(part) for part in accept.split(",") if part.strip()]
    refused = {_RANGES.get(range_) for range_, quality in wanted if not quality}
    found = [
        (quality, format)
        for range_, quality in wanted
        if quality and (format := _format(range_, refused)) is not None
    ]
    if not found:
        raise NotAcceptable
    return max(found, key=lambda pair: pair[0])[1]  # of equals, max() takes the first


def _format(range_: str, refused: set[Format | None]) -> Format | None:
    """The format that a media range stands for, unless it was refused (`q=0`) by name."""
    format = _RANGES.get(range_)
    if format in refused and "*" in range_:
        return next((other for other in Format if other not in refused), None)
    return format


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
