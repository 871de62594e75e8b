"""What the name of a field suggests to the demo model. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from app.demo import phrases

POOLS: Final[dict[str, tuple[str, ...]]] = {
    **dict(phrases.POOLS),
    "tags": next(texts for pattern, texts in phrases.POOLS if "hashtags" in pattern),
}
PERSON: Final = (
    r"(person|user|owner|author|employee|customer|client|contact|member|student|teacher|patient|"
    r"guest|speaker|attendee|participant|character|hero|player|candidate|applicant|lead|manager|"
    r"passenger|driver|buyer|seller|tenant|doctor|chef|artist|actor|actress|director|writer|"
    r"reviewer|"
    r"reporter|friend|child|parent|sender|recipient|assignee|who|responsible|colleague|neighbou?r|"
    r"profile|cast|crew|staff|founder|ceo|people|composer|singer|inventor|host|coach|mentor)"
)
_FACTS: Final = (
    ("first", r"(first|given|fore) ?name"),
    ("last", r"(last|family|sur) ?name"),
    ("person", rf"(full|legal|display) ?name|.*\b{PERSON}s?( name)?|(assigned|reported|written|"
    rf"created) (to|by)"),
    ("email", r".*\be ?mail( address)?"),
    ("user", r"user ?name|handle|login|nick ?name"),
    ("initials", r"initials"),
    ("phone", r".*\b(phone|mobile|telephone|tel|fax)( number)?"),
    ("street", r"street( address| name)?|(address )?line ?1?|road"),
    ("address", r".*\baddress"),
    ("postcode", r"(post(al)?|zip) ?code|zip|postcode"),
    ("city", r".*\b(city|town|destination|municipality|village|capital|headquarters|hometown|"
    r"birthplace)( name)?"),
    ("region", r"region|province|county|federal state"),
    ("code", r"country code"),
    ("country", r".*\b(country|nation)( name)?|nationality"),
    ("venue", r"venue|place( name)?|room"),
    ("location", r".*\b(location|where|meeting point)"),
    ("zone", r"time ?zone"),
    ("company", r".*\b(company|employer|organi[sz]ation|brand|vendor|supplier|manufacturer|"
    r"publisher|"
                r"studio|agency|firm|institution|team|shop|store|restaurant)( name)?"),
    ("product", r".*\bproduct( name)?"),
    ("job", r"job( title)?|occupation|profession|role|position"),
    ("isbn", r"isbn(13)?"),
    ("code number", r"(.* )?(id|sku|code|reference|number|serial|no)"),
)  # fmt: skip
_PROSE: Final = (
    r"blurb|desc|summary|reason|text|body|instruction|note|content|why|expl|abstract|detail|review|"
    r"overview|comment|bio|pitch|message|advice|background|story|analysis|rationale|impact|plot|"
    r"synopsis|introduction|conclusion|paragraph|takeaway|insight|fact|observation|argument|"
    r"caption|"
    r"backstory|history|biography|definition|meaning|feedback|recommendation|tips?$|points?$|lesson"
)
_TITLE: Final = r"(title|name|heading|headline|label|subject|idea|event|project|item|topic)s?$"


@lru_cache(maxsize=1024)
def said(name: str) -> str:
    """A name in words: "firstName", "first_name" and "first-name" are "first name"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\W_]+", spaced)).lower().strip()


@lru_cache(maxsize=1024)
def fact_of(name: str) -> str:
    """The kind of fact that a field of that name holds, as `Facts` has it; else ""."""
    words = said(name)
    return next((kind for kind, pattern in _FACTS if re.fullmatch(pattern, words)), "")


@lru_cache(maxsize=1024)
def pool_of(name: str) -> str:
    """The key in `POOLS` of what a field of that name holds; else ""."""
    words = said(name)
    return next((pattern for pattern, _ in phrases.POOLS if re.search(rf"\b{pattern}", words)), "")


@lru_cache(maxsize=1024)
def is_prose(name: str) -> bool:
    """Whether a field of that name holds sentences."""
    return bool(re.search(rf"\b({_PROSE})", said(name)))


@lru_cache(maxsize=1024)
def is_title(name: str) -> bool:
    """Whether a field of that name says what its object is called."""
    return bool(re.search(rf"\b{_TITLE}", said(name)))


@lru_cache(maxsize=1024)
def holder_of(title: str, name: str) -> str:
    """What the `name` of an object with this title, in a field of this name, is: a kind of fact,
    or ""."""
    for words in (said(title), said(name)):
        for kind in ("person", "company", "city", "country", "product"):
            pattern = dict(_FACTS)[kind]
            if re.fullmatch(pattern, words) or re.fullmatch(pattern, words.removesuffix("s")):
                return kind
    return ""
