"""A topic, and how it is put into English sentences. Pure.

A topic is whatever somebody has typed: "healthy snacks", "how do I fix a bike?", "写一首诗". What
reads as a noun phrase can follow a preposition. Anything else is only ever quoted.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

LONGEST: Final = 60
"""Characters of a topic that are put into a sentence."""

_REQUEST: Final = re.compile(
    r"(?:please )?(?:(?:can|could) you )?(?:please )?"
    r"(?:(?:give|show|tell|suggest|recommend|find|list|write|make|create|plan|describe|explain|"
    r"i want|i need|i'd like|i would like|help)\b ?(?:me|us)? ?(?:with|to)? ?)"
    r"(?:(?:some|a few|several|the best|good|\d+) )*"
    r"(?:(?:ideas?|tips?|movies?|films?|recipes?|suggestions?|a (?:brief|text|poem|story|list))"
    r" ?(?:about|on|for|of|with)? )?(?:about )?(?=\S)",
    re.I,
)
"""What asks for an answer, before the subject: "give me some ideas for"."""

_CLAUSE: Final = re.compile(
    r"(?:what|which|who|whom|whose|how|why|when|where|whether|if|because|that|is|are|am|was|were|"
    r"do|"
    r"does|did|can|could|will|would|should|may|might|shall|must|have|has|i|i'm|we|you|he|she|they|"
    r"it|let's|let|please|don't|never|always|not|to|for|in|on|at|with|without|from|about|under|"
    r"during|after|before|by|and|or|but|ignore|forget|print|say|tell|give|show|write|make|get|go|"
    r"find|learn|teach|help|buy|sell|build|fix|choose|become|improve|avoid|eat|keep|save|lose|stop|"
    r"start|grow|raise|prepare|organi[sz]e|understand|explain|describe|compare|translate|"
    r"summari[sz]e|reduce|increase|create|remove|be)\b",
    re.I,
)
_ORDER: Final = re.compile(r"[a-z]+ (?:a|an|the|my|our|your|me|us|it|them|this|that)\b", re.I)
_NO_ORDER: Final = re.compile(r"(?:a|an|the|my|our|your|[a-z]+ing|all|both|half|of)\b", re.I)
_LOOSE: Final = re.compile(
    r"(?: (?:a|an|the|of|for|with|without|and|or|to|in|on|at|by|from|as|that|who|which|my|our|"
    r"your|their|his|her|is|are|be|but|so|into|than))+$",
    re.I,
)
"""Words on which no phrase ends: they stand at the end of one that was cut."""
_SMALL: Final = re.compile(
    r"(?:A|An|The|My|Our|Your|Some|All|Best|Good|Better|Healthy|Easy|Simple|Quick|Cheap|Small|"
    r"Things|Ideas|(?!Beij|Nanj|Chongq)[A-Z][a-z]+ing)(?= [a-z])"
)
"""First words that are no names: in a sentence they begin with a small letter."""
_LATIN: Final = re.compile(r"[ -~\u00a1-\u024f\u2013-\u2019€]*")
_AROUND: Final = " .!?…,;:\"'“”"
_STOP: Final = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "without",
        "that",
        "this",
        "what",
        "which",
        "from",
        "about",
        "into",
        "have",
        "some",
        "your",
        "their",
        "them",
        "they",
        "more",
        "many",
        "much",
        "best",
        "good",
        "great",
        "like",
        "want",
        "need",
        "make",
        "give",
        "tips",
        "idea",
        "ideas",
        "things",
        "ways",
        "help",
        "when",
        "how",
        "why",
        "who",
        "our",
        "its",
        "all",
        "too",
        "not",
        "can",
        "you",
        "are",
        "was",
        "best",
        "new",
        "one",
        "two",
    ]
)


class Topic:
    """A topic in the forms in which it can stand in a text.

    text: as it stands in a sentence, "healthy snacks"; quoted where it is no noun phrase
    opening: as it opens a sentence or a title, "Healthy snacks"
    """

    def __init__(self, given: str) -> None:
        self.given = " ".join(given.split())
        asking = _REQUEST.match(self.given)
        subject = (self.given[asking.end() :] if asking else self.given).strip(_AROUND)
        self.is_question = self.given.endswith("?") and not asking
        subject = subject or self.given or "the subject"
        self._subject = _cut(subject)
        ending = "?" if self.is_question else ""
        self.opening = self._subject[:1].upper() + self._subject[1:] + ending

    @cached_property
    def is_phrase(self) -> bool:
        """Whether it reads as a noun phrase, which can follow a preposition."""
        text = self._subject
        is_order = bool(_ORDER.match(text)) and not _NO_ORDER.match(text)
        is_clause = bool(_CLAUSE.match(text)) or is_order or self.is_question
        return not is_clause and bool(_LATIN.fullmatch(text)) and not re.search(r"[.!?;] ", text)

    @cached_property
    def text(self) -> str:
        """As it stands in a sentence."""
        text = self._subject
        if not self.is_phrase:
            return f"“{text}{'?' if self.is_question else ''}”"
        return text[:1].lower() + text[1:] if _SMALL.match(text) else text

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that say what it is about, in small letters."""
        found = re.findall(r"[^\W\d_]{3,}", self.given.lower())
        return frozenset(word for word in found if word not in _STOP)

    def slug(self) -> str:
        """Its words as a part of an address."""
        return (
            re.sub(r"[^a-z0-9]+", "-", self._subject.lower()).strip("-")[:40].strip("-") or "topic"
        )


def alike(tag: str, word: str) -> bool:
    """Whether two words have one stem: "cook" and "cooking", "friends" and "friendship"."""
    short, long = sorted((tag, word), key=len)
    stem = short[:-1] if len(short) > 4 and short[-1] in "sye" else short
    return long.startswith(stem) and (len(stem) > 3 or len(long) <= len(stem) + 1)


def _cut(text: str) -> str:
    """At most `LONGEST` characters, up to the end of a word that can be the last one."""
    if len(text) <= LONGEST:
        return text
    cut = text[: LONGEST + 1].rpartition(" ")[0] or text[:LONGEST]
    return _LOOSE.sub("", cut).rstrip(" ,;:(—-") or text[:LONGEST]
