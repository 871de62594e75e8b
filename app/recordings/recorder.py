"""Records streams into a folder: a file for each, written while the stream runs."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic_core import from_json

from app import __version__
from app.providers.model_settings import ModelSettings
from app.providers.secret_names import secret_texts
from app.providers.tap import End, tap
from app.recordings.mask import Mask
from app.recordings.recording import FORMAT, FORMAT_KEY, SUFFIX, line, said
from app.streams.fallback import in_turn
from app.streams.log_entry import DONE
from app.streams.stream import Stream

RECORDING_BYTES: Final = 8 * 1024 * 1024
"""The most that a recording takes. What comes after that is left out, and the file says so."""

FOLDER_BYTES: Final = 256 * 1024 * 1024
"""The most that all recordings take. The oldest ones are removed."""

_value = re.compile(r"""=\s*"?([^\s",;]+)""")
_log = structlog.get_logger("recorder")


class Recorder:
    """Records the streams of a process.

    models: those that streams may ask. What is secret in their settings is kept out
    Raises OSError if the folder can't be made.
    """

    def __init__(self, folder: str, models: Iterable[ModelSettings]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._models = {model.name: model for model in models}
        self._secrets = [secret for model in self._models.values() for secret in _secrets(model)]

    @contextmanager
    def recording(self, stream: Stream) -> Iterator[None]:
        """Record a stream's exchanges while the context lasts.

        If the recording can't begin, the stream goes on without it. A full disk ends it.
        """
        stream_tap = self._begun(stream)
        if stream_tap is None:
            yield
            return
        token = tap.set(stream_tap)
        try:
            yield
        finally:
            tap.reset(token)
            stream_tap.finish()
        with suppress(OSError):
            remove_oldest(self._folder)

    def _begun(self, stream: Stream) -> StreamTap | None:
        """What records the stream into its file, which has its first line. None if it can't be."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{stream.schema}-{stream.id}{SUFFIX}"
        try:
            # The parameters' own serializers may raise anything.
            head = _head(stream, in_turn(stream.request.model, self._models))
            # Without a buffer, so that closing it writes nothing and can't fail.
            file = open(self._folder / name, "xb", buffering=0, opener=_private)  # noqa: SIM115
        except Exception as error:
            _say_lost(error)
            return None
        of_schema = secret_texts(stream.request.entry.schema.options)
        stream_tap = StreamTap(file, stream, [*self._secrets, *of_schema])
        stream_tap.write(head)
        return stream_tap


class StreamTap:
    """Writes what happens in one stream; a `Tap`."""

    def __init__(self, file: FileIO, stream: Stream, secrets: Sequence[str]) -> None:
        self._file: FileIO | None = file
        self._stream = stream
        self._secrets = secrets
        self._loop = asyncio.get_running_loop()
        self._began = stream.figures.started
        self._room = RECORDING_BYTES
        self._exchanges: list[StreamExchange] = []

    @property
    def now(self) -> float:
        """Seconds since the stream's begin."""
        return round(self._loop.time() - self._began, 4)

    def asked(self, body: bytes) -> StreamExchange:
        """A request is sent."""
        exchange = StreamExchange(self, len(self._exchanges), Mask(self._secrets))
        self._exchanges.append(exchange)
        exchange.begin(self._stream.model, body)
        return exchange

    def finish(self) -> None:
        """Write how the stream has ended, and nothing after it."""
        code = self._stream.outcome_code
        if code == DONE and self._exchanges:
            self._exchanges[-1].ended("whole")  # what may follow it is not needed
        for exchange in self._exchanges:
            exchange.flush()
        self._append(line({"at": self.now, "outcome": code}))
        self._end()

    def write(self, event: dict[str, Any]) -> None:
        """Write a line, if there is room for it. Where there is none, the file says so once."""
        if self._room <= 0:
            return
        written = line(event)
        if len(written) > self._room:
            written = line({"at": self.now, "cut": True})
            self._room = 0
        self._room -= len(written)
        self._append(written)

    def _append(self, written: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(written)
        except OSError as error:
            self._end()
            _say_lost(error)

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class StreamExchange:
    """Writes what happens in one exchange with a provider; an `Exchange`."""

    def __init__(self, stream_tap: StreamTap, number: int, mask: Mask) -> None:
        self._tap = stream_tap
        self._number = number
        self._mask = mask
        self._is_over = False

    def begin(self, model: str, body: bytes) -> None:
        """A request is sent."""
        masked = self._mask.masked(body)
        try:
            asked = from_json(masked)
        except ValueError:  # a secret that looks like JSON has hidden a part of it
            asked = said(masked)
        self._tap.write({"at": self._tap.now, **self._which, "model": model, "asked": asked})

    def answered(self, status: int) -> None:
        """The answer has begun."""
        self._tap.write({"at": self._tap.now, **self._which, "status": status})

    def heard(self, data: bytes) -> None:
        """These bytes have come."""
        self._tell(self._mask.feed(self._tap.now, data))

    def ended(self, end: End) -> None:
        """Nothing more will come."""
        if self._is_over:
            return
        self._is_over = True
        self.flush()
        self._tap.write({"at": self._tap.now, **self._which, "end": end})

    def flush(self) -> None:
        """Write what is held back because a secret might go on in what follows."""
        self._tell(self._mask.flush())

    @property
    def _which(self) -> dict[str, int]:
        return {"exchange": self._number}

    def _tell(self, pieces: Iterable[tuple[float, bytes]]) -> None:
        for at, data in pieces:
            self._tap.write({"at": at, **self._which, **said(data)})


def remove_oldest(folder: Path, most: int = FOLDER_BYTES) -> None:
    """Remove the oldest recordings of a folder until they take no more than `most` bytes."""
    with os.scandir(folder) as found:
        files = [
            (entry.name, entry.path, entry.stat().st_size)
            for entry in found
            if entry.name.endswith(SUFFIX)
        ]
    taken = sum(size for *_, size in files)
    for _, path, size in sorted(files):  # their names begin with the time
        if taken <= most:
            return
        Path(path).unlink(missing_ok=True)
        taken -= size


def _head(stream: Stream, models: Sequence[ModelSettings]) -> dict[str, Any]:
    """The first line. models: those that the stream may ask, in turn."""
    request = stream.request
    return {
        FORMAT_KEY: FORMAT,
        "service": __version__,
        "began": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "schema": request.entry.name,
        "schema_version": request.entry.version,
        "parameters": request.parameters.model_dump(mode="json", by_alias=True),
        "models": [
            {
                "name": model.name,
                "provider": model.provider,
                "fallbacks": model.fallbacks,
                "fall_back_on": model.fall_back_on,
            }
            for model in models
        ],
    }


def _secrets(model: ModelSettings) -> Iterator[str]:
    if model.api_key is not None:
        yield model.api_key.get_secret_value()
    yield from model.headers.values()
    yield from model.query.values()
    for text in (*secret_texts(model.headers), *secret_texts(model.options)):
        yield from _credentials(text)


def _credentials(text: str) -> Iterator[str]:
    """A secret, what follows its scheme (`Bearer …`), and the values in it (`token="…"; …`).

    https://www.rfc-editor.org/rfc/rfc9110#section-11.4
    """
    yield text
    yield text.partition(" ")[2].strip()
    yield from _value.findall(text)


def _private(path: str, flags: int) -> int:
    """Open a file that this user alone may read."""
    return os.open(path, flags, 0o600)


def _say_lost(error: Exception) -> None:
    _log.warning("a stream is not recorded", cause=type(error).__name__)
