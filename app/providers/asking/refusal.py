"""A provider's refusal of a request: what it names, out of any shape of body. Pure.

    {"error": {"message", "type", "param", "code"}}        OpenAI and most others
    [{"error": {"code", "message", "status"}}]             Gemini's relay
    {"detail": [{"loc": ["body", "x"], "msg", "input"}]}   FastAPI, so Mistral
    {"object": "error", "message", "type", "param"}        vLLM; `message` may be an object
    {"error": "words"}, or words alone                     LM Studio, proxies

Only keys that name or explain a fault are read: others may quote the request, and so a topic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

MAX_TEXT: Final = 4000
"""Characters of a refusal that are looked at."""

MAX_DEPTH: Final = 10

_EXPLAIN = {
    *("message", "msg", "detail", "details", "error", "errors", "description", "reason", "title"),
    *("error_description", "error_msg", "metadata", "raw", "innererror", "fieldviolations"),
}
_NAME = {"param", "loc", "field", "property", "pointer", "target", "code"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider has answered instead of a completion. For the process alone.

    status: that of its answer
    code, param: the fault and the field that it names, where it does
    names: all that the body gives as a name, in lower case
    text: its words, in lower case
    """

    status: int
    code: str | None = None
    param: str | None = None
    names: str = ""
    text: str = ""


class Refused(Exception):
    """A provider has refused a request. Its cause is the library's own exception."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__()


def refusal(status: int, body: object) -> Refusal:
    """Read the body of an answer that is no 2xx: JSON as Python has it, or text."""
    names: list[str] = []
    texts: list[str] = []
    code = param = None
    for key, value in _leaves(body, "message", 0):
        if key not in _NAME:
            texts.append(value)
            continue
        names.append(value)
        if key == "code":
            code = code or value
        else:
            param = param or value.removeprefix("body.")
    said = " ".join(texts)[:MAX_TEXT]
    return Refusal(status, code, param, " ".join(names)[:MAX_TEXT].lower(), said.lower())


def _leaves(value: object, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """The strings that name or explain, each with its key."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for name, child in value.items():
            if (lower := str(name).lower()) in _EXPLAIN | _NAME:
                yield from _leaves(child, lower, depth + 1)
    elif isinstance(value, list) and key == "loc":
        yield key, ".".join(map(str, value))
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child, key, depth + 1)
    elif isinstance(value, str):
        yield from _string(value, key, depth)


def _string(text: str, key: str, depth: int) -> Iterator[tuple[str, str]]:
    """A string, or what is in it if it is JSON: relays quote the body that they got."""
    inner = _json(text)
    if inner is None:
        yield key, text
    else:
        yield from _leaves(inner, key, depth + 1)


def _json(text: str) -> Any:
    """The object or list that a text is, or None."""
    if not re.match(r"\s*[\[{]", text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
