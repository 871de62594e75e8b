"""A topic, and how it is put into English sentences. Pure.

A topic is whatever somebody has typed: "healthy snacks", "how do I fix a bike?", "写一首诗". What
surely reads as a noun phrase can follow a preposition. Anything else stands before a colon or
between quotation marks, where each of them is right: "wedding" would need an article, and "fix a
bike" is no noun.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

LONGEST: Final = 60
"""Characters of a topic that are put into a sentence."""

_VERB: Final = r"(?:give|tell|suggest|recommend) (?:(?:me|us) )?"
_SHY_VERB: Final = (  # it may also begin a noun, or be what is meant: "help desk", "make friends"
    r"(?:show|list|plan|help|find|write|make|create) "
    r"(?:(?:(?:me|us|with|to) )+|(?=(?:an?|the|my|our|some|about|\d+) ))"
)
_WISH: Final = r"(?:i|we)(?:'d like| want| need| would like) (?:to )?"
_SOME: Final = r"(?:(?:some|several|a few|the best|best|good|great|nice|new|more|\d+) )*"
_KIND: Final = (
    r"(?:ideas?|tips?|movies?|films?|books?|recipes?|suggestions?|advice|(?:a )?"
    r"(?:brief|text|poem|story|list)) (?:about|on|for|of|with) "
)
_REQUEST: Final = re.compile(
    r"(?:please )?(?:(?:can|could|would) you )?(?:please )?"
    rf"(?:(?:{_VERB}|{_SHY_VERB}|{_WISH}){_SOME}(?:{_KIND}|about )?|{_SOME}{_KIND})(?=\S)",
    re.I,
)
"""What asks for an answer, before the subject: "give me some ideas for"."""

_QUESTION: Final = re.compile(
    r"(?:(?:what|which|who|whose|how|why|when|where) )?"
    r"(?:is|are|was|were|do|does|did|could|should|would) \w"
)
"""How a question begins, also one without its mark."""
_CLAUSE: Final = re.compile(
    r"(?:what|which|who|whom|whose|how|why|when|where|whether|if|because|that|is|are|am|was|were|"
    r"do|does|did|can|could|will|would|should|may|might|shall|must|have|has|i|i'm|we|you|he|she|"
    r"they|it|let's|let|please|don't|never|always|not|no|yes|to|for|in|on|at|with|without|from|"
    r"about|under|during|after|before|by|of|and|or|but|ignore|forget|print|say|tell|give|show|"
    r"write|make|get|go|find|learn|teach|help|buy|sell|build|fix|choose|become|improve|avoid|eat|"
    r"keep|save|lose|stop|start|quit|grow|raise|prepare|organi[sz]e|understand|explain|describe|"
    r"compare|translate|summari[sz]e|reduce|increase|create|remove|be|play|cook|bake|run|read|"
    r"clean|speak|study)(?=[ ,:]|$)"
)
"""First words of questions, orders and the like."""
_SENTENCE: Final = re.compile(
    r"(?!.*\b(?:who|that|which|what|where|when|how|why) ).* (?:is|are|was|were|has|have) |"
    r".* (?:me|us|him|them|it)$|(?:ideas|reasons|things|tips|tricks|ways) to "
)
_ORDER: Final = re.compile(r"[a-z]+ (?:an?|the|my|our|your|me|us|it|them|this|that)\b")
_THINGS: Final = frozenset((
    "king", "ring", "spring", "string", "thing", "wing", "wedding", "evening", "morning",
    "ceiling", "building", "meeting",
))  # fmt: skip
"""Words on -ing that are no gerunds."""
_DETERMINED: Final = re.compile(
    r"(?:an?|the|my|our|your|his|her|their|this|these|those|some|all|both|half|many|few|two|three|"
    r"four|five|six|seven|eight|nine|ten|best|worst|something|everything|\d+|"
    rf"(?!(?:{'|'.join(_THINGS)}) )[a-z-]+ing) "
)
"""First words after which a noun needs no further article."""
_AFTER: Final = re.compile(
    r" (?:of|for|with|without|in|on|at|by|from|about|to|that|which|who|where|when|under|over|after|"
    r"before|during|between|into|near|as|than|against|through|across|around|behind) .*"
)
"""What follows the noun of a phrase."""
_PLURAL: Final = re.compile(r".*(?:[^siu]s|ics)")
_NO_ARTICLE: Final = frozenset((
    "mice", "feet", "teeth", "data", "media", "news", "tea", "coffee", "wine", "beer", "water",
    "milk", "bread", "rice", "pasta", "cheese", "chocolate", "food", "sugar", "salt", "fruit",
    "meat", "fish", "tofu", "music", "jazz", "art", "poetry", "literature", "history", "law",
    "politics", "science", "philosophy", "chess", "football", "yoga", "tennis", "sport",
    "fashion", "travel", "work", "sleep", "love", "life", "death", "time", "money", "business",
    "health", "fitness", "energy", "nature", "weather", "climate", "rain", "snow", "air",
    "space", "light", "electricity", "software", "hardware", "privacy", "security", "safety",
    "education", "knowledge", "research", "design", "photography", "management", "marketing",
    "advertising", "agriculture", "transport", "traffic", "furniture", "luggage", "equipment",
    "waste", "plastic", "paper", "wood", "gold", "intelligence", "happiness", "kindness",
    "loneliness", "friendship", "childhood", "justice", "freedom", "democracy", "peace", "war",
    "fun", "homework", "housework", "breakfast", "lunch", "dinner", "advice", "feedback",
    "information", "cooperation", "change", "grammar", "etiquette", "accessibility",
    "sustainability", "productivity", "creativity",
))  # fmt: skip
"""Nouns that need no article, beside plurals and gerunds."""
_PEOPLE: Final = frozenset((
    "adults", "beginners", "boys", "children", "colleagues", "fathers", "friends", "girls",
    "grandparents", "kids", "men", "mothers", "neighbors", "neighbours", "parents", "people",
    "seniors", "siblings", "students", "teachers", "teenagers", "women",
))  # fmt: skip
"""Whom one does not plan, collect or lend."""
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
_BREAK: Final = re.compile(r"[.!?;:] |[<>{}@]")
_SAYS_SOMETHING: Final = re.compile(r"[^\W_]|[^\x00-\x7f]")
_WORD: Final = re.compile(r"[^\W\d_]{3,}|\bAI\b")
_CHILD: Final = re.compile(r"[\w-]+-year-olds?")
_SUFFIXES: Final = frozenset((
    "", "'s", "s", "es", "d", "ed", "r", "er", "ers", "ing", "ings", "y", "ies", "ier", "ly",
    "ship", "ships", "ren", "ic", "ics", "al", "ian", "ians", "ion", "ions", "ry", "hood",
    "graphy",
))  # fmt: skip
"""What a word may end in beside its stem."""
_AROUND: Final = " .!?…,;:-\u2013—\"'“”"
_STOP: Final = frozenset((
    "the", "and", "for", "with", "without", "that", "this", "what", "which", "from", "about",
    "into", "have", "some", "your", "their", "them", "they", "more", "many", "much", "best",
    "good", "great", "like", "want", "need", "make", "give", "tips", "idea", "ideas", "things",
    "ways", "help", "when", "how", "why", "who", "our", "its", "all", "too", "not", "can",
    "you", "are", "was", "new", "one", "two",
))  # fmt: skip
"""Words that don't say what a topic is about."""


class Topic:
    """A topic in the forms in which it can stand in a text.

    text: as it stands in a sentence, "healthy snacks"; quoted where it is no noun phrase
    opening: as it opens a sentence or a title, "Healthy snacks"
    """

    def __init__(self, given: str) -> None:
        self.given = " ".join(given.split())
        asking = _REQUEST.match(self.given)
        subject = (self.given[asking.end() :] if asking else self.given).strip(_AROUND)
        if not _SAYS_SOMETHING.search(subject):
            subject = "the subject"
        self._whole = subject
        self._subject = _cut(subject)
        is_whole = self._subject == subject != "the subject"
        asks = self.given.endswith("?") or bool(_QUESTION.match(self.given.lower()))
        self.is_question = asks and not asking and is_whole
        self.opening = _capital(self._subject) + ("?" if self.is_question else "")

    @cached_property
    def is_phrase(self) -> bool:
        """Whether it surely reads as a noun phrase, which can follow a preposition."""
        text = self._subject
        if self.is_question or not _LATIN.fullmatch(text) or _BREAK.search(text):
            return False
        first = text[:1].lower() + text[1:]  # "How" as "how", but not "IT" as "it"
        if _CLAUSE.match(first) or _SENTENCE.match(first):
            return False
        if _noun(text) in _PEOPLE:
            return False
        return bool(_DETERMINED.match(first)) or _is_bare_noun(self._small)

    @cached_property
    def text(self) -> str:
        """As it stands in a sentence."""
        if not self.is_phrase:
            return f"“{self._subject}{'?' if self.is_question else ''}”"
        return f"the {self._small}" if self._small.startswith("best ") else self._small

    @cached_property
    def words(self) -> frozenset[str]:
        """The words that say what it is about, in small letters."""
        about = _CHILD.sub("child", self._whole)
        found = (word.lower() for word in _WORD.findall(about))
        return frozenset(word for word in found if word not in _STOP)

    @property
    def _small(self) -> str:
        """Its subject, of which a first word that is no name begins with a small letter."""
        text = self._subject
        return text[:1].lower() + text[1:] if _SMALL.match(text) else text

    def slug(self) -> str:
        """Its words as a part of an address."""
        return (
            re.sub(r"[^a-z0-9]+", "-", self._subject.lower()).strip("-")[:40].strip("-") or "topic"
        )


def alike(tag: str, word: str) -> bool:
    """Whether two words have one stem: "cook" and "cooking", "friends" and "friendship"."""
    short, long = sorted((tag, word), key=len)
    return any(
        long.startswith(stem) and _is_suffix(long[len(stem) :], stem[-1:]) for stem in _stems(short)
    )


def _stems(word: str) -> list[str]:
    """A word, and what is left of it before another ending: "bake" and "bak"."""
    return [word, word[:-1]] if len(word) > 3 and word[-1] in "sye" else [word]


def _is_suffix(rest: str, last: str) -> bool:
    """Whether a stem may go on like this. last: its last letter, which may be doubled"""
    return rest in _SUFFIXES or (rest[:1] == last and rest[1:] in _SUFFIXES)


def _is_bare_noun(text: str) -> bool:
    """Whether a text is a noun, with what belongs to it, that is right without an article."""
    if not text.isascii() or text[:1].isupper() or _ORDER.match(text):
        return False
    noun = _noun(text)
    if noun.endswith("ing"):
        return noun not in _THINGS
    return noun in _NO_ARTICLE or bool(_PLURAL.fullmatch(noun))


def _noun(text: str) -> str:
    """The word of a noun phrase that the others belong to."""
    return _AFTER.sub("", text).rpartition(" ")[2]


def _capital(text: str) -> str:
    """A text that begins with a capital, unless its first word is written in a way of its own:
    "iPhone", an address."""
    first = text.partition(" ")[0]
    is_own = first[1:] != first[1:].lower() or "@" in first or "://" in first
    return text if is_own else text[:1].upper() + text[1:]


def _cut(text: str) -> str:
    """At most `LONGEST` characters, up to the end of a word that can be the last one."""
    if len(text) <= LONGEST:
        return text
    cut = text[: LONGEST + 1].rpartition(" ")[0] or text[:LONGEST]
    return _LOOSE.sub("", cut).rstrip(" ,;:(—-") or text[:LONGEST]
