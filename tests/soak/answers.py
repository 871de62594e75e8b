"""What providers answer in a soak: bytes of the shapes that real ones send, errors, and breaks."""

from __future__ import annotations

import gzip
import json
from typing import Any, Literal, NamedTuple

from tests.streams.test_real_answers import BYTES, CODES, FIGS, TEA, TEXTS, VALUE, said
from tests.support import messages
from tests.support.upstream import end, event, text

Then = Literal["keep", "cut", "reset", "drip"]


class Answer(NamedTuple):
    """An answer by HTTP.

    then: the answer ends, and its connection is kept; it is cut or reset before its end; or it
        goes on with blanks for as long as anyone reads them
    """

    body: bytes
    status: int = 200
    headers: tuple[str, ...] = ("Content-Type: text/event-stream",)
    then: Then = "keep"


class Recorded(NamedTuple):
    """A model that always gives the same answer.

    outcome: how its streams end. value: what they end with, where that is always the same
    api, mode: as in a file of models
    """

    answer: Answer
    outcome: str = "done"
    value: Any = None
    api: str = "openai"
    mode: str = "tools"


def _problem(status: int, body: bytes, *headers: str, then: Then = "keep") -> Answer:
    return Answer(body, status, ("Content-Type: application/json", *headers), then)


def _error(**error: Any) -> bytes:
    return json.dumps({"error": {"message": "canary", **error}}).encode()


_DONE = "done", [FIGS, TEA]
_PIECES = [VALUE[:4], VALUE[4:30], VALUE[30:]]
_WHOLE = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": VALUE}]}

_MESSAGES = {
    "call": messages.start() + messages.called(_PIECES) + messages.end("tool_use"),
    "pings": messages.start() + messages.PING + messages.called(_PIECES) + messages.end(),
    "thought": messages.start()
    + messages.thought("Hm, {maybe}.")
    + messages.called(_PIECES, 1)
    + messages.end("tool_use"),
    "text": messages.start() + messages.said(_PIECES) + messages.end(),
    "whole": json.dumps({**_WHOLE, "stop_reason": "end_turn"}).encode(),
}
"""Answers of Anthropic's API."""

_FAILED = {
    # It would be asked for what is missing, until there are enough.
    name: (body, code)
    for name, (body, code) in CODES.items()
    if name not in ("a value that is not whole, and DONE", "cut off at its length")
}

_REFUSED: dict[str, tuple[Answer, str]] = {
    "500 with 5 MB": (_problem(500, b"x" * 5_000_000), "provider_unavailable"),
    "503 that grows when it is decompressed": (
        _problem(503, gzip.compress(b" " * 20_000_000), "Content-Encoding: gzip"),
        "provider_unavailable",
    ),
    "502 of a proxy": (
        Answer(b"<html><h1>Bad Gateway</h1></html>", 502, ("Content-Type: text/html",)),
        "provider_unavailable",
    ),
    "500 that breaks off": (_problem(500, b'{"error": {', then="cut"), "provider_unavailable"),
    "500 that does not end": (_problem(500, b'{"error": {', then="drip"), "provider_unavailable"),
    "429": (_problem(429, _error(), "Retry-After: 30"), "provider_rate_limited"),
    "429 of an empty account": (
        _problem(429, _error(code="insufficient_quota")),
        "provider_rate_limited",
    ),
    "400 of a filter": (_problem(400, _error(code="content_filter")), "output_filtered"),
    "404": (_problem(404, b"not found"), "provider_rejected"),
    **{
        f"a redirect, {status}": (
            _problem(status, b"<html></html>", "Location: http://127.0.0.1:9/v1"),
            "provider_rejected",
        )
        for status in (301, 302, 303, 307, 308)
    },
}
"""Answers that are no 2xx."""

RECORDED: dict[str, Recorded] = {
    **{f"tools: {name}": Recorded(Answer(body), *_DONE) for name, body in BYTES.items()},
    **{
        f"json: {name}": Recorded(Answer(said(answer) + end()), *_DONE, mode="json")
        for name, answer in TEXTS.items()
    },
    **{
        f"messages: {name}": Recorded(Answer(body), *_DONE, api="anthropic")
        for name, body in _MESSAGES.items()
    },
    **{f"tools: {name}": Recorded(Answer(body), code) for name, (body, code) in _FAILED.items()},
    **{f"status: {name}": Recorded(answer, code) for name, (answer, code) in _REFUSED.items()},
    "messages: overloaded": Recorded(
        Answer(messages.start() + messages.failed("overloaded_error")),
        "provider_unavailable",
        api="anthropic",
    ),
}
"""The models of a provider that plays recorded answers, by the first words of their names."""

FIRST_TOKENS: dict[str, Answer] = {
    "cut": Answer(b"", then="cut"),
    "cut within it": Answer(text(VALUE[:9])[:20], then="cut"),
    "reset": Answer(text(VALUE[:9])[:20], then="reset"),
    "garbage": Answer(b"data: {oops\n\n"),
    "an error": Answer(event({"error": {"code": "overloaded"}})),
    "503": _problem(503, _error()),
    "a redirect": _problem(307, b"", "Location: http://127.0.0.1:9/v1"),
}
"""Answers that fail at their first token, or before."""
