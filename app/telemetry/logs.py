"""The logs: structlog's and the standard library's records, one line each, on stderr."""

from __future__ import annotations

import logging
import re
import sys
import warnings
from typing import Literal, TextIO

import structlog

from app.streams.traces import trace_id
from app.streams.where_raised import where_raised
from app.views.text import CannotTakeBack

_NOISY = ("openai", "sse_starlette", "sse_starlette.sse", "httpcore2", "aiohttp", "asyncio")
"""At DEBUG these loggers write every chunk's payload, so they stay at INFO at any `LOG_LEVEL`."""

_QUIET = {"httpx2": logging.WARNING, "uvicorn": logging.ERROR, "opentelemetry": logging.ERROR}
"""Loggers whose INFO lines repeat our own. uvicorn warns of requests that can't be read, and
OpenTelemetry of traces that can't: any stranger could fill the log with such warnings."""

_SILENT = ("instructor", "instructor.v2")
"""Loggers that write an error for each failed call. The stream's own line reports it already."""

_LEAST = {
    **dict.fromkeys(_NOISY, logging.INFO),
    **_QUIET,
    **dict.fromkeys(_SILENT, logging.CRITICAL + 1),
}
"""The least level of each of these that is written."""

_object = re.compile(r"\n|<|\((?!\))")
"""Where a message of asyncio begins to show objects: a task with its exception, arguments."""


def configure_logging(format: Literal["console", "json"], level: str) -> None:
    """Send structlog's and the standard library's records to stderr, one line each."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
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
            foreign_pre_chain=[*shared, _without_objects],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    warnings.showwarning = _log_warning
    logging.raiseExceptions = False  # on a full disk, a traceback can't be written either
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _with_trace(
    logger: object, method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A line with the trace that it is given, or of the call in which it is written, if any."""
    id = line.pop("trace_id") if "trace_id" in line else trace_id()
    return {**line, "trace_id": id} if id else line


def _without_objects(
    logger: object, method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A line of asyncio without the objects that it is about, whose words may quote a payload."""
    if line["logger"] != "asyncio":
        return line
    return {**line, "event": _object.split(line["event"])[0].strip()}


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Log a warning's kind and place. Its words may quote a payload, as Pydantic's do.

    https://docs.python.org/3/library/warnings.html#warnings.showwarning
    """
    logging.getLogger("py.warnings").warning("%s in %s:%d", category.__name__, filename, lineno)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record may be written, and says something that our own lines don't say.

    A library may have changed its own level since: the OpenAI SDK does, by `OPENAI_LOG`.

    A response that is cut off on purpose ends with an exception. The server would log this as an
    error of the app, but our line about the request has reported it already.
    """
    error = record.exc_info[1] if record.exc_info else None
    least = _LEAST.get(record.name, _LEAST.get(record.name.split(".")[0], 0))
    return record.levelno >= least and not isinstance(error, CannotTakeBack)


def _without_words(exc_info: structlog.typing.ExcInfo) -> str:
    return where_raised(exc_info[1])
