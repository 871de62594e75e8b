"""What a provider's error means: its status, or what it tells in JSON, becomes one of ours. Pure.

Each provider has its own form for errors. The table of `tests/providers/test_provider_error.py`
has theirs. A form is not parsed for itself: an error's words are collected wherever providers put
them, and what a word means is looked up. Its sentences are not read, but for the three that are the
only sign of a content filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from app.errors import (
    OutputFiltered,
    OutputInvalid,
    ProviderProtocol,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from app.providers.spelling import key_of

_TRANSIENT = frozenset({408, 409, 424, 425, 498, 499})
"""Statuses below 500 that say nothing against the request. 424 is that of TGI whose model has
failed, 498 that of Groq's flex tier without capacity, 499 that of gRPC's CANCELLED."""

_CODE_FIELDS = (
    *("code", "type", "status", "reason", "error_code", "error_type", "errorCode", "errorType"),
    *("status_code", "statusCode", "http_status", "http_code", "__type", "exception"),
    *("blockReason", "block_reason"),
)
"""Fields that hold a word for what is wrong, or a status."""

_SENTENCE_FIELDS = ("title", "error", "detail")
"""Fields that may hold such a word, or a sentence. The log has nothing of them."""

_NESTED_FIELDS = (
    *("error", "errors", "detail", "details", "innererror", "inner_error", "metadata", "raw"),
    *("message", "data", "response", "cause", "promptFeedback", "prompt_feedback"),
)
"""Fields that may hold an error within the error, as an object or as JSON in a string."""

_SIGNS = ("code", "detail", "errors", "error_type", "__type", "promptFeedback", "prompt_feedback")
"""Fields that only errors have, where there are no choices."""

_MAX_DEPTH = 5
_MAX_OBJECTS = 40
_MAX_WORD = 100
_MAX_NUMBER = 1_000_000

_FILTERED = re.compile(
    "contentfilter|contentpolicy|contentmoderation|moderation|responsibleai|datainspection|safety"
    "|prohibitedcontent|blocklist|recitation|^spii$|guardrail|sensitive|invalidprompt|promptblocked"
    "|policyviolation|usagepolicy|cyberpolicy|flagged|harm|jailbreak|riskcontrol|contentrisk"
    "|contentblocked|inputblocked|outputblocked"
)
_FILTERED_MESSAGE = re.compile(
    "content exists risk|content violates usage guidelines"
    "|output blocked by content filtering policy",
    re.I,
)
"""DeepSeek's, xAI's and Anthropic's, whose codes are those of any invalid request."""

_INVALID = re.compile(
    "tooluse(failed|error)|jsonvalidat|outputparse|malformed(functioncall|toolcall|response)"
    "|unexpectedtoolcall|toolcall(validation|pars)|failedgeneration|schemavalidationfailed"
)

_UNPAID = re.compile(
    "insufficient(quota|balance|credit|fund)|billing|payment|exceededcurrentquota|arrear|credit"
    "|spendlimit|hardlimit"
)

_STATUSES = (
    (429, re.compile("insufficientquota|exceededcurrentquota")),
    (402, _UNPAID),
    (
        429,
        re.compile(
            "ratelimit|toomanyrequest|throttl|exhausted|quota|(request|usage|concurrency)s?limit"
            "|limit(request|burst)|^(requests|tokens)$"
        ),
    ),
    (
        503,
        re.compile(
            "overload|unavailable|servererror|internal|apierror|timeout|timedout|deadline|aborted"
            "|badgateway|upstream|providererror|busy|capacity|loading|notready|^generation$"
            "|incompletegeneration|enginedead|enginecore|engineerror|inferenceerror|serviceerror"
            "|modelerror|unknownerror|connection|network|shutdown|shuttingdown|dataloss|tryagain"
            "|fullqueue|queuefull|^cancelled$"
        ),
    ),
)
"""The status that an error has whose words are such. The first row that fits counts."""

_REFUSED = re.compile(
    "unauth|authentication|apikey|credential|permission|forbidden|denied|notfound|notexist"
    "|nosuch|invalid|badrequest|unsupported|notsupported|unprocessable|validation"
    "|contextlength|contextsize|contextwindow|toolong|toolarge|exceed|deactivated|disabled"
    "|suspended|notallowed|missing|deprecated|decommissioned|outofrange"
    "|failedprecondition|unimplemented|expired"
)
"""Codes of requests that would be refused again."""

_EXCEPTION = re.compile(r"(?:\w+\.)*(\w+(?:Error|Exception))\b")
"""An exception's class at the head of a message, where some servers have their only word."""

_LOGGED = re.compile(r"(?:[A-Za-z]+|[0-9]{1,6})(?:[_.\[\]-]{1,2}(?:[A-Za-z]+|[0-9]{1,6}))*\]?")
"""Words and numbers. What mixes letters with digits might be a part of a key."""

_MAX_LOGGED_CODE = 40
_MAX_LOGGED_PARAM = 64


def error_of_status(
    status: int, body: bytes = b"", retry_after: float | None = None
) -> ServiceError:
    """What an answer means that is no 2xx.

    body: its first bytes; JSON that is cut off is read as far as it goes
    retry_after: in seconds
    """
    told = _Told(_parsed(body))
    # Beside these two, a status says as much as any word.
    meant = told.status or status if status in (400, 403) else status
    error = _meaning(meant, told, retry_after)
    error.cause = ", ".join([f"status {status}", *told.logged])
    return error


def error_in_chunk(event: object) -> ServiceError:
    """What an error means that comes in a 2xx: in a stream, or as JSON in its place.

    event: the JSON of the whole event, or of what its `error` holds, of whatever type
    """
    told = _Told(event)
    error = _meaning(told.status, told, None)
    error.cause = ", ".join(["an error in the answer", *told.logged])
    return error


def is_error(event: object) -> bool:
    """Whether the JSON of an event, or of a body in a stream's place, tells an error.

    It says so, or it has no choices and has what errors have. What is empty says nothing.
    """
    if isinstance(event, list):
        return any(map(is_error, event))
    if not isinstance(event, dict):
        return False
    if event.get("error") or "error" in (event.get("object"), event.get("type")):
        return True
    return "choices" not in event and any(map(event.get, _SIGNS))


def _meaning(status: int | None, told: _Told, retry_after: float | None) -> ServiceError:
    if told.filtered:
        return OutputFiltered()
    if told.invalid:
        return OutputInvalid(errors=[{"path": "", "message": "can't be read by the provider"}])
    if status is None:
        return ProviderProtocol()
    if status == 429:
        kind = ProviderQuotaExhausted if told.unpaid else ProviderRateLimited
        return kind(retry_after=retry_after)
    if status >= 500 or status in _TRANSIENT:
        return ProviderUnavailable(retry_after=retry_after)
    return ProviderRejected()


class _Told:
    """What is told by an error's JSON: its words, a number that is a status, the field at fault."""

    def __init__(self, root: object) -> None:
        self._raw: list[str] = []  # as the provider writes them
        self._loggable: list[str] = []
        self._numbers: list[int] = []
        self._param: str | None = None
        self.filtered = self.invalid = False
        for it in _objects(root if isinstance(root, dict | list) else {"error": root}):
            self._read(it)
        self._codes = [key_of(word) for word in self._raw if " " not in word]
        self._words = list(map(key_of, self._raw))  # sentences too, which name but a few things
        self.filtered = self.filtered or _any(_FILTERED, self._codes)
        self.invalid = self.invalid or _any(_INVALID, self._codes)
        self.unpaid = _any(_UNPAID, self._words)

    def _read(self, it: dict[str, Any]) -> None:
        for field in (*_CODE_FIELDS, *_SENTENCE_FIELDS):
            word = it.get(field)
            if isinstance(word, str) and word.isdecimal() and len(word) < 10:
                word = int(word)
            if isinstance(word, str) and 0 < len(word) <= _MAX_WORD:
                self._raw.append(word)
                self._loggable += [word] if field in _CODE_FIELDS else []
            elif isinstance(word, int | float) and abs(word) < _MAX_NUMBER:
                self._numbers.append(int(word))
        for message in (it.get("message"), it.get("error")):
            if isinstance(message, str):
                self._read_message(message)
        self.filtered = self.filtered or bool(it.get("flagged_input"))
        self.invalid = self.invalid or isinstance(it.get("failed_generation"), str)
        param = it.get("param")
        self._param = self._param or (param if isinstance(param, str) else None)

    def _read_message(self, message: str) -> None:
        self.filtered = self.filtered or _FILTERED_MESSAGE.match(message) is not None
        if exception := _EXCEPTION.match(message):
            self._raw.append(exception[1])

    @property
    def status(self) -> int | None:
        """The status that the error tells, or that its words have elsewhere."""
        told = (number for number in self._numbers if 400 <= number <= 599)
        of_words = (status for status, pattern in _STATUSES if _any(pattern, self._words))
        refused = 400 if _any(_REFUSED, self._codes) else None
        return next(told, None) or next(of_words, refused)

    @property
    def logged(self) -> list[str]:
        """Its code and the field at fault, where they look like such."""
        words = [*self._loggable, *map(str, self._numbers)]
        code = next((it for it in words if it != "error" and _is_plain(it, _MAX_LOGGED_CODE)), None)
        shown = [f"code {code}"] if code else []
        if self._param and _is_plain(self._param, _MAX_LOGGED_PARAM):
            shown.append(f"param {self._param}")
        return shown


def _objects(root: object) -> Iterator[dict[str, Any]]:
    """The error's objects, the outermost first."""
    level, left = [root], _MAX_OBJECTS
    for _ in range(_MAX_DEPTH):
        below: list[object] = []
        for value in level[:left]:
            left -= 1
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                value = _parsed(value.encode(errors="replace"))
            if isinstance(value, dict):
                yield value
                below += [value[field] for field in _NESTED_FIELDS if field in value]
            elif isinstance(value, list):
                below += value
        level = below


def _parsed(body: bytes) -> object:
    """JSON as far as it goes; None: it is none."""
    try:
        return from_json(body, allow_partial=True)
    except ValueError:
        return None


def _is_plain(word: str, longest: int) -> bool:
    """Whether the log may have it."""
    return len(word) <= longest and _LOGGED.fullmatch(word) is not None


def _any(pattern: re.Pattern[str], words: list[str]) -> bool:
    return any(map(pattern.search, words))
