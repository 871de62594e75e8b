"""Reads the notes of a meeting, as a model would that writes its minutes. Pure.

The demo model can't understand a text. What it can do is sort its sentences: it looks for a few
words that notes of meetings have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

KEYS: Final = {"summary", "decisions", "tasks"}
"""An answer with these keys is the minutes of a meeting."""

_SENTENCE: Final = re.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*[.!?]?")
_DECISION: Final = re.compile(r"\b(decided|decides?|agreed?|chose|resolved|settled)\b", re.I)
_DECIDED: Final = re.compile(r"^(?:we )?(?:decided|agreed|resolved)\b(?: that| to|:)? *", re.I)
_TASK: Final = re.compile(
    r"^(?:(?P<who>\w+) )?(?:will|is to|has to|should|must|to do|todo|action)\b[: ]*(?P<what>.+)",
    re.I,
)
_DAY: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNTIL: Final = re.compile(rf",? *\b(?:by|until|till|before|on) ({'|'.join(_WEEKDAYS)})\b", re.I)
_DATED: Final = re.compile(rf",? *\b(?:by|until|till|before|on) {_DAY.pattern}", re.I)
_NOBODY: Final = frozenset({"somebody", "someone", "we", "it", "that", "this", "there", "they"})
_SHOWN: Final = 2  # sentences in a summary


def minutes(value: Any, notes: str, held_on: date | None) -> Any:
    """An answer that is about these notes, in place of one that is about a topic only.

    A value that isn't the minutes of a meeting stays as it is.
    """
    if not (isinstance(value, dict) and value.keys() == KEYS):
        return value
    sentences = [found.strip(" -*\t") for found in _SENTENCE.findall(notes)]
    sentences = [sentence for sentence in sentences if sentence]
    decisions = [sentence for sentence in sentences if _DECISION.search(sentence)]
    found = [(sentence, _TASK.match(sentence)) for sentence in sentences]
    tasks = [match for sentence, match in found if match and sentence not in decisions]
    return {
        "summary": _summary(sentences),
        "decisions": [_bare(sentence) for sentence in decisions],
        "tasks": [_task(match, held_on) for match in tasks],
    }


def _summary(sentences: Sequence[str]) -> str:
    return " ".join(sentences[:_SHOWN])[:600] or "The notes say nothing."


def _bare(decision: str) -> str:
    """What was decided, without the words that say that it was."""
    said = _DECIDED.sub("", decision)
    return said[:1].upper() + said[1:]


def _task(found: re.Match[str], held_on: date | None) -> dict[str, Any]:
    who, what = found["who"], found["what"]
    day = _day(what, held_on)
    if day is not None:
        what = _DATED.sub("", _UNTIL.sub("", what))
    named = who is not None and who.lower() not in _NOBODY
    return {
        "what": what[:1].upper() + what[1:],
        "who": who if named else None,
        "by_when": None if day is None else day.isoformat(),
    }


def _day(text: str, held_on: date | None) -> date | None:
    """The day that a sentence names: a date, or a day of the week after the meeting."""
    if found := _DAY.search(text):
        try:
            return date.fromisoformat(found[0])
        except ValueError:
            return None
    named = _UNTIL.search(text)
    if named is None or held_on is None:
        return None
    ahead = (_WEEKDAYS.index(named[1].lower()) - held_on.weekday() - 1) % 7 + 1
    return held_on + timedelta(days=ahead)
