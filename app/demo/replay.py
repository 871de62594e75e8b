"""Plays recorded answers again: the same bytes, at the recorded pace or another one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.demo.play import muted_break, while_there
from app.recordings.recording import Answer, Recording

UNREACHABLE: Final = Answer("", {}, 0, 503)


class Replays:
    """The models whose answers are recorded.

    answers: by the model's name
    pace: how many times as fast as recorded; 0 sends all at once
    """

    def __init__(self, answers: Mapping[str, Iterable[Answer]], pace: float = 1) -> None:
        self.names = tuple(answers)
        self._answers = {model: tuple(given) for model, given in answers.items()}
        self._pace = pace
        self._played: Counter[tuple[str, str]] = Counter()

    @classmethod
    def of(cls, recording: Recording, pace: float = 1) -> Replays:
        """The models of a recording, each with its own answers."""
        names = [model.name for model in recording.models]
        answers = {
            name: [each for each in recording.answers if each.model == name] for name in names
        }
        return cls(answers, pace)

    def response(self, asked: dict[str, Any]) -> Response:
        """The next answer to a request: of those that were given to the same one, else of all.

        After the last one it is the first one's turn again.
        """
        model: str = asked["model"]
        answers = self._answers[model]
        same = [answer for answer in answers if _is_same(answer.asked, asked)]
        key = (model, json.dumps(asked, sort_keys=True) if same else "")
        number = self._played[key]
        self._played[key] += 1
        among = same or answers
        return ReplayResponse(among[number % len(among)] if among else UNREACHABLE, self._pace)


class ReplayResponse(Response):
    """Sends a recorded answer, and ends as it did. It stops when the client leaves."""

    def __init__(self, answer: Answer, pace: float) -> None:
        is_stream = answer.status is not None and answer.status < 300
        media_type = "text/event-stream" if is_stream else "application/json"
        super().__init__(media_type=media_type, status_code=answer.status or 503)
        del self.headers["content-length"]
        self._answer = answer
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_there(self._perform(send), receive)
        if self._answer.end == "broken":
            muted_break()

    async def _perform(self, send: Send) -> None:
        began = asyncio.get_running_loop().time()
        head = {"type": "http.response.start", "status": self.status_code}
        pieces = iter(self._answer.pieces)
        if (first := next(pieces, None)) is not None:
            await self._wait(began, first.after)
        await send({**head, "headers": self.raw_headers})
        for piece in pieces:
            await self._wait(began, piece.after)
            if piece.data:
                await send(_body(piece.data, more=True))
        if self._answer.end is None:  # nobody knows what would have come
            await asyncio.Event().wait()
        if self._answer.end != "broken":
            await send(_body(b"", more=False))

    async def _wait(self, began: float, after: float) -> None:
        if self._pace:
            due = began + after / self._pace
            await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))


def _body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {**one, "model": ""} == {**other, "model": ""}
