"""What a recording holds: a stream's request, and what its providers have sent, when.

A recording is a file of JSON lines. The first line tells what was asked of the service, each other
line what has happened, with the seconds since the stream's begin (`at`):

    {"recording": 1, "service": "0.1.0", "began": "…", "schema": "ideas", "schema_version": "…",
     "parameters": {"topic": "tea", "count": 2}, "models": [{"name": "m", "provider": "openai", …}]}
    {"at": 0.004, "exchange": 0, "model": "m", "asked": {"messages": […], …}}
    {"at": 0.312, "exchange": 0, "status": 200}
    {"at": 0.313, "exchange": 0, "text": "data: {\\"choices\\": …"}
    {"at": 2.104, "exchange": 0, "end": "whole"}
    {"at": 2.107, "outcome": "done"}

Bytes that are no UTF-8 are `base64` instead of `text`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
"""The number of the format, which the first line tells."""

FORMAT_KEY: Final = "recording"

SUFFIX: Final = ".recording.jsonl"
"""What the name of a recording's file ends in."""


class RecordingError(Exception):
    """A file is no recording. The message says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an answer, and the seconds after its request at which they came."""

    after: float
    data: bytes


@dataclass(slots=True)
class Answer:
    """One request to a provider, and its answer.

    model: the one that was asked, by the name that callers know
    asked: the request's JSON
    at: when it was sent
    status: None if there was no answer
    end: `whole`, `broken` or `unreachable`; None if the service did not read on
    """

    model: str
    asked: dict[str, Any]
    at: float
    status: int | None = None
    pieces: list[Piece] = field(default_factory=list)
    end: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """A model that a stream could ask. All but the name are as in `ModelSettings`."""

    name: str
    provider: str
    fallbacks: tuple[str, ...]
    fall_back_on: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A stream as it was recorded. models: those that it could ask, in turn."""

    schema: str
    schema_version: str
    parameters: dict[str, Any]
    models: tuple[RecordedModel, ...]
    answers: tuple[Answer, ...]


def read(file: Path) -> Recording:
    """Read a recording from its file. Raises `RecordingError`."""
    try:
        with file.open("rb") as lines:
            return parse(lines)
    except OSError as error:
        raise RecordingError(f"{file}: {error.strerror}") from None
    except RecordingError as error:
        raise RecordingError(f"{file}: {error}") from None


def name_of(file: Path) -> str:
    """The name of a recording: that of its file, without what all of them end in."""
    return file.name.removesuffix(SUFFIX).removesuffix(".jsonl")


def line(event: dict[str, Any]) -> bytes:
    """An event as a line of the file."""
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def said(data: bytes) -> dict[str, str]:
    """Bytes as JSON has them."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def parse(lines: Iterable[bytes]) -> Recording:
    """Read a recording. One that breaks off is read as far as it goes. Raises `RecordingError`."""
    given = iter(lines)
    try:
        head = json.loads(next(given, b""))
        if head.get(FORMAT_KEY) != FORMAT:
            raise RecordingError(f"it is no recording of format {FORMAT}")
        models = tuple(
            RecordedModel(
                model["name"],
                model["provider"],
                tuple(model["fallbacks"]),
                tuple(model["fall_back_on"]),
            )
            for model in head["models"]
        )
        answers = tuple(_answers(given))
        return Recording(
            head["schema"], head["schema_version"], head["parameters"], models, answers
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise RecordingError(f"it is no recording: {type(error).__name__}") from None


def _answers(lines: Iterable[bytes]) -> list[Answer]:
    answers: list[Answer] = []
    for each in lines:
        if not each.endswith(b"\n"):
            break  # the service was killed while it wrote
        event = json.loads(each)
        if "asked" in event:
            answers.append(Answer(event["model"], event["asked"], event["at"]))
        elif "exchange" in event:
            _take(event, answers[event["exchange"]])
    return answers


def _take(event: dict[str, Any], answer: Answer) -> None:
    after = event["at"] - answer.at
    if "status" in event:
        answer.status = event["status"]
        answer.pieces.append(Piece(after, b""))
    elif "end" in event:
        answer.end = event["end"]
        answer.pieces.append(Piece(after, b""))
    else:
        data = event["text"].encode() if "text" in event else b64decode(event["base64"])
        answer.pieces.append(Piece(after, data))
