"""Writes the demo model's strings. Pure.

A string follows its schema's format, else its pattern. Without either it is a phrase that mixes
the schema's examples with words of the topic. All choices are drawn from one `Random`, so the
same seed writes the same words.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from app.demo.pattern import compiled, from_pattern

ELEMENT: Final = "[]"
"""Ends the name of a list's element. Examples of elements are used as they are, each once."""

# No word here begins with a vowel, so that "a" is always its article.
adjectives: Final = (
    "bright", "bold", "quick", "quiet", "simple", "clever", "crisp", "warm", "fresh", "gentle",
    "playful", "modern", "hearty", "sturdy", "curious", "patient", "lively", "careful",
    "generous", "humble", "daring", "polished",
)  # fmt: skip
nouns: Final = (
    "plan", "guide", "ritual", "workshop", "classic", "toolkit", "shortcut", "story", "favourite",
    "routine", "remix", "sampler", "companion", "challenge", "discovery", "project",
)  # fmt: skip
by_name: Final[dict[str, tuple[str, ...]]] = {
    r"author|director|owner|person|reviewer|chef|contact|speaker|full_name": (
        "Ada Lovelace", "Grace Hopper", "Chinua Achebe", "José Martí", "Mary Seacole",
        "Hedy Lamarr", "Satyajit Ray", "Zoë Wicomb",
    ),
    r"city|place|location|venue": ("Lisbon", "Nairobi", "Kyoto", "Montréal", "Tallinn", "Quito"),
    r"country|nation": ("Portugal", "Kenya", "Japan", "Canada", "Estonia", "Ecuador"),
    r"currency": ("EUR", "USD", "JPY", "KES"),
    r"language": ("English", "Português", "Kiswahili", "日本語"),
    r"phone": ("+1 202 555 0143", "+44 20 7946 0991", "+1 202 555 0178"),
}  # fmt: skip
long_names: Final = re.compile(
    r"blurb|desc|summary|reason|text|body|instruction|note|content|why|expl|abstract|detail"
    r"|review|overview|step|answer|comment|bio|pitch|message|advice|quote"
)
future_names: Final = re.compile(r"due|deadline|until|expir|launch|upcoming|next|deliver")

short_plain: Final = (
    "{Adj} {topic}",
    "{Topic}: {a} {noun}",
    "The {adj} {noun} of {topic}",
    "{Adj} and {adj2} {topic}",
    "{A} {noun} for {topic}",
    "{Adj} {word} {noun}",
    "{Topic} — the {adj} {noun}",
)
short_mixed: Final = (
    "{E} for {topic}",
    "{Topic}: {e}",
    "{E}, the {adj} {noun}",
    "{E} — {a} {noun}",
    "{Adj} {e}",
    "{Adj} {word} {e}",
)
no_adjective: Final = re.compile(
    r"(an?|the|what|which|who|how|why|from|for|in|on|to|if)\b|.*\d", re.I
)
sentences: Final = (
    "{A} {noun} that puts {topic} first.",
    "Think of {topic}, only a little more {adj} than you know it.",
    'It makes {topic} feel "{adj}" again.',
    "Made for {topic}: {adj}, {adj2} and easy to share.",
    "With {topic} in mind, it stays {adj} from start to finish.",
    "{A} take on {topic} — {adj2} and to the point.",
    "You need nothing but {topic} and {a} {noun}.",
    "Begin with {topic}, then keep it {adj}.",
    "People come for {topic} and stay for the {noun}.",
)


class Words:
    """Writes strings about a topic, and avoids those that it has written before."""

    def __init__(self, topic: str, rng: Random) -> None:
        self._rng = rng
        self._topic = shorten(" ".join(topic.split()), 48) or "the subject"
        self._parts = [w for w in re.findall(r"\w+", self._topic) if len(w) > 3] or [self._topic]
        self._turns: Counter[str] = Counter()
        self._offset = rng.randrange(1000)
        self._used: set[str] = set()

    def string(self, node: dict[str, Any], name: str, examples: Sequence[str]) -> str:
        """A string for a node of a JSON Schema, with its property's name and examples."""
        low, high = int(node.get("minLength", 0)), longest(node)
        pattern = compiled(node.get("pattern"))

        def fits(text: str) -> bool:
            return low <= len(text) <= high and (not pattern or bool(pattern.search(text)))

        examples = [example for example in examples if fits(example)]
        if make := formats.get(node.get("format") or implied_format(name, node, examples)):
            found = self._unused_example(name, examples) or make(self, name)
            if pattern is None or fits(found):
                return found
        if pattern:
            made = self._unused_example(name, examples) or from_pattern(pattern, self._rng, fits)
            return made if made is not None else self._turn(name, examples) or ""
        return self._fit(self._phrase(name.lower(), examples, high), low, high)

    def vary(self, node: dict[str, Any], text: str) -> str:
        """A variation of a text; the text itself if the node has more rules than a length."""
        varied = f"{text}, {self._rng.choice(adjectives)}"
        bound = {"pattern", "format", "enum", "const"} & node.keys()
        return text if bound or len(varied) > longest(node) else varied

    def sentence(self) -> str:
        """One sentence about the topic."""
        return self._fill(sentences, "")

    def key(self) -> str:
        """A key of a dictionary."""
        return f"{self._rng.choice(adjectives)}_{self._slug(self._rng.choice(self._parts))}"

    def _turn(self, name: str, examples: Sequence[str]) -> str | None:
        """The next example; the first one is chosen at random. None if there are no examples."""
        key = f"{name}:{examples[0] if examples else ''}"
        self._turns[key] += 1
        return examples[(self._turns[key] + self._offset) % len(examples)] if examples else None

    def _unused_example(self, name: str, examples: Sequence[str]) -> str | None:
        example = self._turn(name, examples)
        if example is None or example in self._used:
            return None
        self._used.add(example)
        return example

    def _phrase(self, name: str, examples: Sequence[str], high: int) -> str:
        example = self._turn(name, examples) or ""
        known = next((names for part, names in by_name.items() if re.search(part, name)), ())
        if known:  # names of persons and places are not varied
            return example or self._rng.choice(known)
        if example and name.endswith(ELEMENT):
            return example
        fixed = is_code(example) or ("name" in name and is_name(example))
        if fixed and (example not in self._used or not example.replace(" ", "").isalpha()):
            self._used.add(example)
            return example
        long = len(example) > 60 or example.endswith(".") or bool(long_names.search(name))
        text = ""
        for _ in range(12):
            text = self._long(example, high) if long and high > 60 else self._short(example)
            if text not in self._used and len(text) <= high:
                break
        self._used.add(text)
        return text

    def _short(self, example: str) -> str:
        if not example:
            return self._fill(short_plain, "")
        plain = no_adjective.match(example) or example.count(" ") > 3
        return self._fill(short_mixed[:4] if plain else short_mixed, example)

    def _long(self, example: str, high: int) -> str:
        """The example if it fits, and sentences after it up to a pleasant length."""
        parts = [example if example.endswith((".", "!", "?")) else f"{example}."] if example else []
        if example in self._used and self._rng.random() < 0.7:
            parts = []
        self._used.add(example)
        target = min(high, self._rng.randint(70, 200))
        for _ in range(4):
            more = self.sentence()
            if sum(map(len, parts)) + len(parts) + len(more) <= target and more not in parts:
                parts.append(more)
        return " ".join(parts) or self.sentence()

    def _fill(self, templates: Sequence[str], example: str) -> str:
        rng, topic = self._rng, self._topic
        adj, adj2 = rng.sample(adjectives, 2)
        words = {
            "topic": topic, "Topic": capital(topic), "word": rng.choice(self._parts).lower(),
            "adj": adj, "Adj": capital(adj), "adj2": adj2, "noun": rng.choice(nouns),
            "a": f"a {adj}", "A": f"A {adj}", "e": lower(example), "E": capital(example),
        }  # fmt: skip
        return rng.choice(templates).format_map(words)

    def _fit(self, text: str, low: int, high: int) -> str:
        while len(text) < low:
            text = f"{text} {self.sentence()}".strip()
        text = text if len(text) <= high else shorten(text, high, low)
        return text + "." * (low - len(text))

    def _slug(self, text: str) -> str:
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "topic"

    def slug(self) -> str:
        """The topic and one more word, as a part of an address."""
        return f"{self._slug(self._topic)[:40]}-{self._rng.choice(nouns)}-{self.n(2, 99)}"

    def n(self, low: int, high: int) -> int:
        """A random number in this range."""
        return self._rng.randint(low, high)

    def day(self, name: str) -> str:
        """A date. It is in the future if the property's name suggests that."""
        year = 2031 if future_names.search(name.lower()) else 1985 if "birth" in name else 2024
        return str(date(year, 1, 1) + timedelta(days=self.n(0, 364)))

    def clock(self) -> str:
        """A time of day."""
        return f"{self.n(8, 19):02}:{self.n(0, 11) * 5:02}:00"

    def uuid(self, version: str) -> str:
        """A UUID of that version."""
        digits = f"{self._rng.getrandbits(128):032x}"
        groups = digits[:8], digits[8:12], version + digits[13:16], "8" + digits[17:20], digits[20:]
        return "-".join(groups)

    def data(self) -> bytes:
        """A few bytes."""
        return self._short("").encode("utf-8", "replace")


Maker = Callable[[Words, str], str]
formats: Final[dict[str, Maker]] = {
    "date": Words.day,
    "date-time": lambda w, name: f"{w.day(name)}T{w.clock()}Z",
    "time": lambda w, _: w.clock(),
    "duration": lambda w, _: f"PT{w.n(1, 12)}H{w.n(1, 11) * 5}M",
    "uri": lambda w, _: f"https://example.com/{w.slug()}",
    "multi-host-uri": lambda w, _: f"postgres://demo:demo@localhost:5432/db{w.n(1, 999)}",
    "email": lambda w, _: f"{w.slug()}@example.com",
    "idn-email": lambda w, _: f"{w.slug()}@example.com",
    "name-email": lambda w, _: f"Ada Lovelace <{w.slug()}@example.com>",
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
    "zoneinfo": lambda _w, _: "Europe/Lisbon",
    "color": lambda w, _: f"#{w.n(0, 0xFFFFFF):06x}",
    "uuid": lambda w, _: w.uuid("4"),
    **{f"uuid{v}": lambda w, _, v=v: w.uuid(str(v)) for v in range(1, 9)},  # type: ignore[misc]
}


def longest(node: dict[str, Any]) -> int:
    """The most characters of a string. As other models do, the demo heeds a description, too."""
    said = re.search(r"Characters: at most (\d+)\.", node.get("description", ""))
    return int(node.get("maxLength", int(said[1]) if said else 1000))


def implied_format(name: str, node: dict[str, Any], examples: Sequence[str]) -> str:
    """The format that a plain string's name suggests: "uri", "email" or ""."""
    if examples or "pattern" in node or int(node.get("maxLength", 100)) < 100:
        return ""
    found = re.search(r"(ur[il]|link|website)$|(e_?mail)$", name.lower())
    return "" if not found else "uri" if found[1] else "email"


def is_code(example: str) -> bool:
    """Whether an example is a tag, a code or a quantity, which must not be mixed with words."""
    return bool(example) and (" " not in example or example[0].isdigit())


def is_name(example: str) -> bool:
    """Whether all words of an example begin with a capital."""
    return bool(example) and all(w[0].isupper() for w in example.split() if w[0].isalpha())


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


def lower(text: str) -> str:
    """The text with a small first letter. Acronyms and names of several words are not changed."""
    keep = text[1:2].isupper() or is_name(text)
    return text if keep else text[:1].lower() + text[1:]
