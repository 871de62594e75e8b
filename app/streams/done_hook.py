"""Calls a schema's own `done` when a stream has ended in `done`.

It is called once for each such stream, after the stream has ended, so that it can change nothing
of what readers get. A failure is logged and counted, and that is all. A process that is killed
calls it no more. Where processes share streams, only the process whose end is in the store calls
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

import structlog

from app.partial.value import loads
from app.schema import StreamInfo
from app.streams.log_entry import Done
from app.streams.stream import Stream
from app.streams.where_raised import where_raised

MOST: Final = 1000
"""The most calls that run at once in a process. A further one is dropped, and counted so."""

STUBBORN_SECONDS: Final = 1
"""How long a call may go on after its deadline, which cancels it, before it is left alone."""

Outcome = Literal["ok", "failed", "late", "dropped"]

_log = structlog.get_logger("stream")


class DoneHook:
    """The calls that run. on_end: is told how each of them ended."""

    def __init__(self, on_end: Callable[[Stream, Outcome], None]) -> None:
        self._on_end = on_end
        self._running: dict[asyncio.Task[None], float] = {}  # each with its deadline's time

    def call(self, stream: Stream) -> None:
        """Call the `done` of an ended stream's schema, if it has one and the stream is done."""
        is_ours = isinstance(stream.outcome, Done) and not stream.is_copy
        if stream.request.entry.schema.done is None or not is_ours:
            return
        if len(self._running) >= MOST:
            self._tell(stream, "dropped")
            return
        seconds = stream.request.entry.schema.deadlines.done
        value = stream.document.encode()  # the stream may be packed, or dropped, before it is read
        task = asyncio.create_task(self._call(stream, value, seconds), name=f"done {stream.id}")
        self._running[task] = asyncio.get_running_loop().time() + seconds
        task.add_done_callback(self._running.pop)

    async def finish(self) -> None:
        """Wait until all calls have ended. Each has its deadline, so this has one."""
        if self._running:
            left = max(self._running.values()) - asyncio.get_running_loop().time()
            await asyncio.wait(self._running, timeout=max(left, 0) + STUBBORN_SECONDS)

    async def _call(self, stream: Stream, value: bytes, seconds: float) -> None:
        outcome: Outcome = "late"  # as is a call that is cancelled with its event loop
        try:
            async with asyncio.timeout(seconds) as deadline:
                await _done(stream, value)
            outcome = "ok"
        except Exception as error:
            if not deadline.expired():
                outcome = "failed"
                _log.error(
                    "the schema's done broke",
                    id=stream.id,
                    schema=stream.schema,
                    exception=where_raised(error),
                )
        finally:
            self._tell(stream, outcome)

    def _tell(self, stream: Stream, outcome: Outcome) -> None:
        if outcome in ("late", "dropped"):
            _log.error(f"the schema's done was {outcome}", id=stream.id, schema=stream.schema)
        self._on_end(stream, outcome)


async def _done(stream: Stream, value: bytes) -> None:
    done = stream.request.entry.schema.done
    assert done is not None
    await done(loads(value.decode()), stream.request.parameters, _info(stream))


def _info(stream: Stream) -> StreamInfo:
    figures, usage = stream.figures, stream.figures.usage
    return StreamInfo(
        stream=stream.id,
        schema=stream.schema,
        schema_version=stream.request.entry.version,
        model=stream.model,
        caller=stream.origin.caller,
        subject=stream.owner.removeprefix(stream.origin.caller).removeprefix("/"),
        request_id=stream.origin.request_id,
        attempts=figures.attempts,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        duration_ms=figures.duration_ms,
    )
