"""Writes the demo model's strings. Pure.

A string follows its schema's format, else its pattern. Without either it is one of the schema's
examples, or what its field's name suggests: a street is a street, a name a name. Else it is a
phrase about the topic. All choices are drawn from one `Random`, so the same seed writes the same
words, and none is written twice while there are others.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from app.demo import phrases
from app.demo.facts import Facts
from app.demo.field_name import POOLS, fact_of, is_prose, is_title, pool_of
from app.demo.field_name import said as said_of
from app.demo.pattern import compiled, from_pattern
from app.demo.topic import Topic

ELEMENT: Final = "[]"
"""Ends the name of a list's element. Examples of elements are used as they are, each once."""

_BEFORE: Final = re.compile(r"^(?:With|For) \{topic\}, ")

future_names: Final = re.compile(r"due|deadline|until|expir|launch|upcoming|next|deliver")
later_names: Final = re.compile(
    r"(^|_)(end|until|finish|return|check_?out|updated|closed|arriv)", re.I
)


class Words:
    """Writes strings about a topic.

    there: a text in which nothing stands that is to be written again
    """

    def __init__(self, topic: Topic, rng: Random, there: str = "") -> None:
        self.topic = topic
        self.facts = Facts(rng)
        self._rng = rng
        self._there = there.lower()
        self._used: set[str] = set()
        self._decks: dict[str, list[str]] = {}
        self._offset = rng.randrange(1000)
        self._turns: dict[str, int] = {}

    def string(self, node: dict[str, Any], name: str, examples: Sequence[str]) -> str:
        """A string for a node of a JSON Schema, with its property's name and examples."""
        low, high = int(node.get("minLength", 0)), longest(node)
        pattern = compiled(node.get("pattern"))
        examples = [example for example in examples if self.fits(node, example)]
        if make := formats.get(node.get("format") or implied_format(name, node, examples)):
            found = self._unused(name, examples) or make(self, name)
            if pattern is None or self.fits(node, found):
                return found
        if pattern:
            made = self._unused(name, examples)
            made = made or from_pattern(pattern, self._rng, lambda text: self.fits(node, text))
            return made if made is not None else self._turn(name, examples) or ""
        return self._fit(self._text(name, examples, high), low, high)

    def fits(self, node: dict[str, Any], text: str) -> bool:
        """Whether a string of the node may be this text. Formats are not looked at."""
        pattern = compiled(node.get("pattern"))
        is_long_enough = int(node.get("minLength", 0)) <= len(text) <= longest(node)
        return is_long_enough and (pattern is None or bool(pattern.search(text)))

    def varied(self, text: str, time: int, high: int = 1000) -> str:
        """A variation of a title, another one each time; the text itself if there is no room."""
        words = phrases.VARIATIONS
        more = words[time % len(words)] + (f", {time}" if time >= len(words) else "")
        made = f"{text}{',' if ':' in text else ':'} {more}"
        return made if len(made) <= high else text

    def vary(self, node: dict[str, Any], text: str) -> str:
        """A variation of a text; the text itself if the node has more rules than a length."""
        bound = {"pattern", "format", "enum", "const"} & node.keys()
        if bound:
            return text
        time = self._turns[f"vary {text}"] = self._turns.get(f"vary {text}", -1) + 1
        return self.varied(text.rstrip("."), time, longest(node))

    def filled(self, text: str, high: int = 1000) -> str:
        """A phrase with the topic in it. Where that is too long, it stands for "this"."""
        if text.startswith("{Lead} "):
            return self._led(text[7:], high)
        topic = self.topic
        opening = topic.text if topic.is_question else topic.opening
        made = self._put(text, topic.text, opening)
        return made if len(made) <= high else self._put(text, "this", "This")

    def about(self, text: str, high: int) -> str:
        """A sentence or more, and two about the topic, if there is room."""
        more = self.prose(high - len(text) - 2, 2, is_named=self.topic.is_phrase)
        made = f"{ended(text)} {more}"
        return made if len(made) <= high else text

    def headed(self, text: str, high: int) -> str:
        """A title that begins with the topic, if there is room."""
        made = f"{self._lead} {capital(text)}"
        return made if len(made) <= high else text

    def fit_for(self, text: str, high: int) -> str:
        """What is told of something, and that it suits the topic, if there is room."""
        made = f"{ended(text)} {self.draw('fits', phrases.FITS, high - len(text) - 2)}"
        return made if len(made) <= high else text

    def sentence(self, high: int = 1000, *, is_named: bool = True) -> str:
        """One sentence about the topic. is_named: whether it says what "this" is"""
        text = self._drawn("sentences", phrases.SENTENCES)
        if is_named and self.topic.is_phrase:
            return self.filled(text, high)
        plain = self._put(_BEFORE.sub("", text), "this", "This")
        if not is_named:
            return capital(plain)
        return self._led(plain[:1].lower() + plain[1:], high)

    def draw(self, deck: str, texts: Sequence[str], high: int = 1000) -> str:
        """The next of some phrases, in an order that is drawn; again from the first after all."""
        return self.filled(self._drawn(deck, texts), high)

    def _drawn(self, deck: str, texts: Sequence[str]) -> str:
        left = self._decks.get(deck)
        if not left:
            left = self._decks[deck] = self._rng.sample(texts, len(texts))
            unused = [text for text in left if text.lower() not in self._there]
            left[:] = unused or left
        return left.pop()

    def key(self) -> str:
        """A key of a dictionary."""
        return self.draw("keys", POOLS["tags"]).replace("-", "_") + f"_{self.n(2, 99)}"

    def is_there(self, text: str) -> bool:
        """Whether a text stands in what is there already."""
        return bool(self._there) and text.lower() in self._there

    def _turn(self, name: str, examples: Sequence[str]) -> str | None:
        """The next example; the first one is chosen at random. None if there are no examples."""
        key = f"{name}:{examples[0] if examples else ''}"
        turn = self._turns[key] = self._turns.get(key, self._offset) + 1
        return examples[turn % len(examples)] if examples else None

    def _unused(self, name: str, examples: Sequence[str]) -> str | None:
        """The next example that is not written yet; None if there is none."""
        for _ in examples:
            example = self._turn(name, examples)
            if example is not None and example not in self._used:
                self._used.add(example)
                return example
        return None

    def _text(self, name: str, examples: Sequence[str], high: int) -> str:
        if examples:
            return self._unused(name, examples) or examples[self._rng.randrange(len(examples))]
        said = name.removesuffix(ELEMENT)
        if fact := fact_of(said):
            return self.facts.get(fact)
        if pool := pool_of(said):
            return self.draw(pool, POOLS[pool], high)
        if said_of(said).split()[-1:] == ["time"]:
            return self.clock()[:5]
        if said.lower() in ("topic", "subject", "theme"):
            return self.topic.given[: max(1, min(high, 200))]
        if high > 60 and (is_prose(said) or (name.endswith(ELEMENT) and not is_title(said))):
            return self.prose(high, 1 if name.endswith(ELEMENT) else self.n(1, 3))
        return self._title(high)

    def prose(self, high: int, count: int, *, is_named: bool = True) -> str:
        """Sentences about the topic, at most so many. is_named: whether the first one names it"""
        parts = [self.sentence(high, is_named=is_named)]
        for _ in range(count - 1):
            more = self.sentence(is_named=False)
            if len(" ".join([*parts, more])) <= min(high, 300):
                parts.append(more)
        return " ".join(parts)

    def _title(self, high: int) -> str:
        if self.topic.is_phrase:
            made = self.draw("titles", phrases.TITLES, high)
        else:
            made = self.headed(self._drawn("titles", phrases.QUOTED_TITLES), high)
        time = self._turns[made] = self._turns.get(made, -1) + 1
        return self.varied(made, time - 1, high) if time else made

    def _put(self, text: str, topic: str, opening: str) -> str:
        return text.replace("{topic}", topic).replace("{Topic}", opening)

    def _led(self, text: str, high: int) -> str:
        made = f"{self._lead} {capital(text) if self.topic.is_question else text}"
        return made if len(made) <= high else capital(text)

    @property
    def _lead(self) -> str:
        """The topic before a text that it opens, with the mark that is between them."""
        opening = self.topic.opening
        if self.topic.is_question:
            return opening
        return f"{opening} \u2013" if ":" in opening else f"{opening}:"

    def _fit(self, text: str, low: int, high: int) -> str:
        while len(text) < low:
            text = f"{text} {self.sentence()}".strip()
        text = text if len(text) <= high else shorten(text, high, low)
        return text + "." * (low - len(text))

    def slug(self) -> str:
        """The topic and a number, as a part of an address."""
        return f"{self.topic.slug()}-{self.n(2, 99)}"

    def n(self, low: int, high: int) -> int:
        """A random number in this range."""
        return self._rng.randint(low, high)

    def day(self, name: str) -> str:
        """A date. It is in the future if the property's name suggests that, and after an earlier
        one of its object if it is called an end."""
        year = 2031 if future_names.search(name.lower()) else 1985 if "birth" in name else 2024
        if later_names.search(name) and (begun := self.facts.begun):
            return str(begun + timedelta(days=self.n(1, 14)))
        found = date(year, 1, 1) + timedelta(days=self.n(0, 350))
        self.facts.begun = found
        return str(found)

    def clock(self) -> str:
        """A time of day, on the hour, the half or the quarters."""
        return f"{self.n(8, 19):02}:{self.n(0, 3) * 15:02}:00"

    def uuid(self, version: str) -> str:
        """A UUID of that version."""
        digits = f"{self._rng.getrandbits(128):032x}"
        groups = digits[:8], digits[8:12], version + digits[13:16], "8" + digits[17:20], digits[20:]
        return "-".join(groups)

    def data(self) -> bytes:
        """A few bytes."""
        return self.sentence().encode("utf-8", "replace")


Maker = Callable[[Words, str], str]
formats: Final[dict[str, Maker]] = {
    "date": Words.day,
    "date-time": lambda w, name: f"{w.day(name)}T{w.clock()}Z",
    "time": lambda w, _: w.clock(),
    "duration": lambda w, _: f"PT{w.n(1, 12)}H{w.n(1, 11) * 5}M",
    "uri": lambda w, _: f"https://example.com/{w.slug()}",
    "multi-host-uri": lambda w, _: f"postgres://demo:demo@localhost:5432/db{w.n(1, 999)}",
    "email": lambda w, _: w.facts.get("email"),
    "idn-email": lambda w, _: w.facts.get("email"),
    "name-email": lambda w, _: f"{w.facts.get('person')} <{w.facts.get('email')}>",
    "hostname": lambda w, _: f"{w.slug()}.example.com",
    "ipv4": lambda w, _: f"192.0.2.{w.n(1, 254)}",
    "ipv6": lambda w, _: f"2001:db8::{w.n(1, 65535):x}",
    "ipvanyaddress": lambda w, _: f"198.51.100.{w.n(1, 254)}",
    "ipv4network": lambda w, _: f"10.{w.n(0, 255)}.{w.n(0, 255)}.0/24",
    "ipv6network": lambda w, _: f"2001:db8:{w.n(1, 65535):x}::/48",
    "ipvanynetwork": lambda w, _: f"10.{w.n(0, 255)}.{w.n(0, 255)}.0/24",
    "ipv4interface": lambda w, _: f"192.0.2.{w.n(1, 254)}/24",
    "ipv6interface": lambda w, _: f"2001:db8::{w.n(1, 65535):x}/64",
    "ipvanyinterface": lambda w, _: f"192.0.2.{w.n(1, 254)}/24",
    "base64": lambda w, _: base64.b64encode(w.data()).decode(),
    "base64url": lambda w, _: base64.urlsafe_b64encode(w.data()).decode(),
    "path": lambda w, _: f"/home/demo/{w.slug()}.md",
    "file-path": lambda _w, _: "/etc/hosts",
    "directory-path": lambda _w, _: "/tmp",
    "regex": lambda w, _: f"^[a-z]{{1,{w.n(2, 30)}}}$",
    "zoneinfo": lambda w, _: w.facts.get("zone"),
    "color": lambda w, _: f"#{w.n(0, 0xFFFFFF):06x}",
    "uuid": lambda w, _: w.uuid("4"),
    **{f"uuid{v}": lambda w, _, v=v: w.uuid(str(v)) for v in range(1, 9)},  # type: ignore[misc]
}


def longest(node: dict[str, Any]) -> int:
    """The most characters of a string. As other models do, the demo heeds a description, too."""
    said = re.search(r"Characters: at most (\d+)\.", node.get("description", ""))
    return int(node.get("maxLength", int(said[1]) if said else 1000))


def implied_format(name: str, node: dict[str, Any], examples: Sequence[str]) -> str:
    """The format that a plain string's name suggests: "uri" or ""."""
    if examples or "pattern" in node or int(node.get("maxLength", 100)) < 100:
        return ""
    found = re.search(r"(ur[il]|link|website|homepage|image|photo|picture|avatar)$", name.lower())
    return "uri" if found else ""


def shorten(text: str, high: int, low: int = 0) -> str:
    """Cut a text to a length, at the end of a word if one is there. `low` is the least length."""
    if len(text) <= high:
        return text
    cut = text[: high + 1].rpartition(" ")[0].rstrip(" ,;:—-")
    if len(cut) >= max(low, high // 3, 1):
        return cut
    return text[:high].strip() or "x" * min(1, high)


def capital(text: str) -> str:
    """The first letter in upper case."""
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """A text that ends like a sentence."""
    return text if text.endswith((".", "!", "?", "…", "”")) else f"{text}."


def is_code(example: str) -> bool:
    """Whether an example is a tag, a code or a quantity, which must not be mixed with words."""
    return bool(example) and (" " not in example or example[0].isdigit())


def is_name(example: str) -> bool:
    """Whether all words of an example begin with a capital."""
    return bool(example) and all(w[0].isupper() for w in example.split() if w[0].isalpha())
