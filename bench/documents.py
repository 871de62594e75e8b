"""What the model answers: documents of several shapes and sizes, with their Pydantic models.

A document's strings are made of three-letter words that count upwards (`aaa aab aac …`). So in
every view, the newest word of a partial value shows how much of the document has come. The first
string begins with a `STAMP`, which the upstream replaces by its clock, and the last string ends
with the word `zzz`. Spaces before strings make every word one chunk of four characters. (JSON
allows spaces between its tokens.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice, product
from string import ascii_lowercase
from typing import Any, Final

from pydantic import BaseModel, create_model

STAMP: Final = "t000000000000000"
"""The upstream replaces this by `t` and its monotonic clock in microseconds."""

CHUNK: Final = 4
END: Final = "zzz "


class Item(BaseModel):
    title: str
    blurb: str


class Items(BaseModel):
    """A list of small objects."""

    items: list[Item]


WIDE: Final = {
    f"{kind.__name__}_{number}": (kind, ...)
    for number in range(1, 11)
    for kind in (str, int, float, bool)
}
Row = create_model("Row", **WIDE)  # type: ignore[call-overload]


class Rows(BaseModel):
    """A list of objects of 40 fields."""

    items: list[Row]


class Essay(BaseModel):
    """One long string."""

    text: str


class Node(BaseModel):
    """An object in an object in an object."""

    name: str
    note: str
    child: Node | None


MODELS: Final[dict[str, type[BaseModel]]] = {
    "list": Items,
    "wide": Rows,
    "string": Essay,
    "deep": Node,
}


@dataclass(frozen=True, eq=False)
class Document:
    """The text of one answer. `schema` is the name of its model in `MODELS`."""

    name: str
    schema: str
    text: str
    in_words: bool = False

    @property
    def preamble(self) -> int:
        """How many pieces come before the stamp."""
        return next(at for at, piece in enumerate(self.pieces) if piece.startswith(STAMP))

    @cached_property
    def pieces(self) -> list[str]:
        """The text as the model writes it; the stamp is in one piece."""
        at = self.text.index(STAMP)
        end = at + len(STAMP)
        return [*self._cut(self.text[:at]), STAMP, *self._cut(self.text[end:])]

    @cached_property
    def words(self) -> dict[bytes, int]:
        """The piece that completes each word."""
        return {
            piece[:3].encode(): at
            for at, piece in enumerate(self.pieces)
            if re.fullmatch("[a-z]{3} ", piece)
        }

    def _cut(self, text: str) -> list[str]:
        if self.in_words:
            return re.findall(rf" ?{END}| ?\w+|[^\w\s]+|\s", text)
        return [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]


LISTS: Final = ("list-1", "list-5", "list-20", "list-80", "list-320")
OTHERS: Final = (
    *("prose-20", "prose-80", "prose-320", "string-20", "string-80", "string-320"),
    *("deep-20", "deep-80", "wide-4", "wide-15", "wide-60"),
)


@cache
def document(name: str) -> Document:
    """A document by its name: a shape and a number of elements, such as `list-20`."""
    shape, size = name.split("-")
    return _SHAPES[shape](name, int(size))


def _list(name: str, size: int) -> Document:
    words = _words()
    items = [{"title": _take(words, 7), "blurb": _take(words, 24)} for _ in range(size)]
    return Document(name, "list", _text({"items": items}))


def _prose(name: str, size: int) -> Document:
    """Like `list`, but with ordinary words; each of them is a chunk."""
    items = [
        {"title": "A weekend at the harbour", "blurb": f"{SENTENCE} {SENTENCE} now."}
        for _ in range(size)
    ]
    return Document(name, "list", _text({"items": items}), in_words=True)


def _string(name: str, size: int) -> Document:
    """One string, as long as the `list` document of this size."""
    return Document(name, "string", _text({"text": _take(_words(), 39 * size)}))


def _deep(name: str, size: int) -> Document:
    words = _words()
    nodes = [{"name": _take(words, 7), "note": _take(words, 23)} for _ in range(size)]
    child: dict[str, Any] | None = None
    for node in reversed(nodes):
        child = {**node, "child": child}
    return Document(name, "deep", _text(child))


def _wide(name: str, size: int) -> Document:
    words = _words()

    def value(kind: type, number: int) -> Any:
        if kind is str:
            return _take(words, 3)
        if kind is bool:
            return number % 2 == 0
        return number * 137 if kind is int else number / 8

    items = [
        {key: value(kind, row + at) for at, (key, (kind, _)) in enumerate(WIDE.items())}
        for row in range(size)
    ]
    return Document(name, "wide", _text({"items": items}))


_SHAPES: Final = {"list": _list, "prose": _prose, "string": _string, "deep": _deep, "wide": _wide}

SENTENCE: Final = "Take the first ferry, walk along the old wall, and order the cake."


def _words() -> Iterator[str]:
    return ("".join(letters) + " " for letters in product(ascii_lowercase, repeat=3))


def _take(words: Iterator[str], count: int) -> str:
    return "".join(islice(words, count))


def _text(value: Any) -> str:
    """The value as JSON with a stamp, aligned words and an end, as the module's docstring says."""
    writer = _Writer()
    writer.write(value)
    text = "".join(writer.out)
    last = text.rindex(writer.last)
    return text[:last] + writer.last[: -len(END)] + END + text[last + len(writer.last) :]


class _Writer:
    """JSON with spaces before strings, so that their text begins at a multiple of `CHUNK`."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.last = ""
        self._length = 0

    def write(self, value: Any) -> None:
        if isinstance(value, dict):
            for at, (key, member) in enumerate(value.items()):
                self._put(f"{',' if at else '{'}{json.dumps(key)}:")
                self.write(member)
            self._put("}")
        elif isinstance(value, list):
            for at, element in enumerate(value):
                self._put("," if at else "[")
                self.write(element)
            self._put("]")
        elif isinstance(value, str):
            self._put(" " * (-(self._length + 1) % CHUNK) + '"')
            self.last = value if self.last else STAMP + value
            self._put(self.last)
            self._put('"')
        else:
            self._put(json.dumps(value))

    def _put(self, text: str) -> None:
        self.out.append(text)
        self._length += len(text)
