"""The logs: structlog's and the standard library's records, one line each, on stderr."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Literal

import structlog

from app.views.text import CannotTakeBack

_NOISY = ("openai", "sse_starlette", "sse_starlette.sse", "httpcore2", "aiohttp", "asyncio")
"""At DEBUG these log every chunk with its payload, so they stay at INFO, whatever the level."""

_QUIET = {"httpx2": logging.WARNING, "uvicorn": logging.ERROR}
"""Their INFO lines repeat our own. uvicorn's warnings are about requests that can't be read, and
any stranger could fill the log with those."""

_SILENT = ("instructor", "instructor.v2")
"""They log each failed call as an error. The line of the stream tells of it already."""

_LEAST = {
    **dict.fromkeys(_NOISY, logging.INFO),
    **_QUIET,
    **dict.fromkeys(_SILENT, logging.CRITICAL + 1),
}
"""The least level of each of these that is written."""


def configure_logging(format: Literal["console", "json"], level: str) -> None:
    """Send structlog's and the standard library's records to stderr, one line each."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_without_words),
    ]
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if format == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_news)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.raiseExceptions = False  # on a full disk, a traceback would only be more to write
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record says anything that no line of ours does, and may be written.

    A library may have changed its own level since: the OpenAI SDK does, by `OPENAI_LOG`. A response that is cut on purpose ends by an exception, which the server logs as a fault of
    the app; the request's own line has told of it.
    """
    error = record.exc_info[1] if record.exc_info else None
    least = _LEAST.get(record.name, _LEAST.get(record.name.split(".")[0], 0))
    return record.levelno >= least and not isinstance(error, CannotTakeBack)


def _without_words(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback without the exception's message, which may quote a payload or a key."""
    kind, _, trace = exc_info
    return "".join([*traceback.format_tb(trace), kind.__qualname__])
