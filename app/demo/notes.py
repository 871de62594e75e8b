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
_BULLET: Final = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)]|\[[ xX]?\])+[ \t]*")
_LABEL: Final = re.compile(r"^(?:action(?: items?)?|actions?|tasks?|to ?dos?)\b[: ]+(?:to )?", re.I)
_DECISION: Final = re.compile(
    r"\b(decision|decided|decides?|agreed?|chose|resolved|settled)\b", re.I
)
_UNDECIDED: Final = re.compile(
    r"\b(?:nothing (?:is|was|has been)|not(?: yet)?(?: been)?) (?:decided|agreed|settled)\b(?! to)"
    r"|\bno decision\b",
    re.I,
)
_DECIDED: Final = re.compile(
    r"^(?:(?:we|it was|the \w+|everybody|all) )?(?:decided|decisions?|agreed|resolved)\b"
    r"(?: that| to|:)? *",
    re.I,
)
_TASK: Final = re.compile(
    r"^(?:(?P<who>@?[A-Z][\w'\u2019-]*(?: (?:and )?[A-Z][\w'\u2019-]*){1,4}|@?\w+) )?"
    r"(?:will|(?:is|are|has|have) to|should|must|(?P<to>to))\b[: ]*(?P<what>.+)"
)
_DAY: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNTIL: Final = re.compile(rf",? *\b(?:by|until|till|before|on) ({'|'.join(_WEEKDAYS)})\b", re.I)
_DATED: Final = re.compile(rf",? *\b(?:by|until|till|before|on) {_DAY.pattern}", re.I)
_SOMEBODY: Final = frozenset({"somebody", "someone", "we", "they", "everybody", "all"})
"""Who is to do something, where nobody is named."""
_NO_ONE: Final = frozenset((
    "it", "that", "this", "there", "nobody", "nothing", "what", "which", "thanks", "welcome",
    "due", "next", "back", "access",
))  # fmt: skip
"""Words before "will" or "to" that begin no task."""
_SHOWN: Final = 2  # sentences in a summary


def minutes(value: Any, notes: str, held_on: date | None) -> Any:
    """An answer that is about these notes, in place of one that is about a topic only.

    A value that isn't the minutes of a meeting stays as it is.
    """
    if not (isinstance(value, dict) and value.keys() == KEYS):
        return value
    found = (_BULLET.sub("", sentence).strip() for sentence in _SENTENCE.findall(notes))
    sentences = [sentence for sentence in found if sentence]
    decisions = [sentence for sentence in sentences if _is_decision(sentence)]
    tasks = [_task(sentence, held_on) for sentence in sentences if sentence not in decisions]
    return {
        "summary": _summary(sentences),
        "decisions": [_bare(sentence) for sentence in decisions],
        "tasks": [task for task in tasks if task],
    }


def _is_decision(sentence: str) -> bool:
    return bool(_DECISION.search(sentence)) and not _UNDECIDED.search(sentence)


def _summary(sentences: Sequence[str]) -> str:
    return " ".join(sentences[:_SHOWN])[:600] or "The notes say nothing."


def _bare(decision: str) -> str:
    """What was decided, without the words that say that it was."""
    said = _DECIDED.sub("", decision)
    return said[:1].upper() + said[1:]


def _task(sentence: str, held_on: date | None) -> dict[str, Any] | None:
    """What somebody is to do, who, and until when; None if the sentence is no task."""
    bare = _LABEL.sub("", sentence)
    found = _TASK.match(bare)
    who, what = (found["who"], found["what"]) if found else (None, bare)
    if (found is None and bare == sentence) or _names_no_one(found):
        return None
    day = _day(what, held_on)
    if day is not None:
        what = _DATED.sub("", _UNTIL.sub("", what))
    return {
        "what": what[:1].upper() + what[1:],
        "who": None if who is None or who.lower() in _SOMEBODY else who.removeprefix("@"),
        "by_when": None if day is None else day.isoformat(),
    }


def _names_no_one(found: re.Match[str] | None) -> bool:
    """Whether what reads like a task has a subject that does nothing: "It will rain"."""
    if found is None:
        return False
    who = found["who"] or ""
    return who.lower() in _NO_ONE or bool(found["to"] and not who[:1].isupper())


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
