"""JSON texts of values, written in many ways; and pieces of texts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from random import Random
from typing import Any

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.operation import Operation


def write(value: Any, random: Random) -> str:
    """A JSON text: any order of keys, any white space, any way to escape."""
    blank = random.choice(["", "", " ", "\n  ", "\t\r\n"])
    if isinstance(value, dict):
        items = list(value.items())
        random.shuffle(items)
        members = [f"{_string(key, random)}{blank}:{write(item, random)}" for key, item in items]
        return f"{{{blank}{f',{blank}'.join(members)}{blank}}}"
    if isinstance(value, list):
        return f"[{blank}{f'{blank},'.join(write(item, random) for item in value)}{blank}]"
    if isinstance(value, str):
        return blank + _string(value, random)
    if isinstance(value, float) and math.isinf(value):
        return blank + ("1e400" if value > 0 else "-1e400")
    return blank + json.dumps(value)


def _string(text: str, random: Random) -> str:
    if random.random() < 0.2:
        units = text.encode("utf-16-be").hex()
        return '"' + "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)) + '"'
    written = json.dumps(text, ensure_ascii=random.random() < 0.5)
    return written.replace("/", "\\/") if random.random() < 0.5 else written


def mutate(text: str, random: Random) -> str:
    """A text that is slightly wrong, mostly."""
    at, to = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    odd = ["NaN", "-Infinity", "0", "01", "1.", ".5", "+1", "1e", "\x00", "\t", ",", ",,", ":", "'",
           '"', "\\", "\\u12", "\\ud800", "{", "}", "[", "]", "null", "nul", "tru", "//", " ",
           "\ufeff", "\xa0", "\u2028", "-", "e", "{}",
           '"a":1,', "1,"]  # fmt: skip
    return random.choice(
        [
            lambda: text[:at] + random.choice(odd) + text[at:],
            lambda: text[:at] + random.choice(odd) + text[at + 1 :],
            lambda: text[:at] + text[at + 1 :],
            lambda: text[:at] + text[to:],
            lambda: text[:at],
            lambda: text[:at] + text[at:to] + text[at:],
            lambda: text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :],
            lambda: text.replace('"', "'"),
            lambda: text.replace("]", ",]").replace("}", ",}"),
        ]
    )()


def pieces(text: str, random: Random) -> list[str]:
    """The text cut anywhere: into one piece, characters, or anything between."""
    longest = random.choice([1, 2, 4, 9, 40, len(text) + 1])
    cut: list[str] = []
    at = 0
    while at < len(text):
        size = random.randint(1, longest) if longest <= len(text) else longest
        cut.append(text[at : at + size])
        at += size
    return cut


def run(decoder: Decoder, texts: Iterable[str]) -> tuple[list[list[Operation]], Invalid | None]:
    """Feed all of them, and the end: the operations of each feed, and what went wrong."""
    made: list[list[Operation]] = []
    try:
        for text in texts:
            made.append(decoder.feed(text))
        decoder.finish()
    except Invalid as error:
        return made, error
    return made, None
