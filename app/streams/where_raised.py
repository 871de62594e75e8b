"""Where an exception was raised, for the log."""

from __future__ import annotations

import traceback


def where_raised(error: BaseException) -> str:
    """A traceback without the exception's message, which may quote a payload or a key.

    The log gets this text and not the exception. Some renderers write the values of all variables
    with an exception, and which one renders is up to the app in which the service is mounted.
    https://www.structlog.org/en/stable/api.html#structlog.dev.RichTracebackFormatter
    """
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__qualname__])
