"""Chooses what each object of the demo model says: rows of values that belong together. Pure.

    Pool(words, rng, fields).fill(examples, about)
    pool.next() -> what the next object says, by property

A row comes from the examples of an object, from those of its fields (the first of each belong
together, the second of each, and so on), or from what the demo knows of a subject. Each row is
taken once. After the last one, titles are varied, and what explained them is written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, Final, Literal

from app.demo import subjects
from app.demo.field_name import fact_of, is_prose, is_title
from app.demo.subjects import FITS, Row
from app.demo.words import Words, is_code, is_name, longest

Role = Literal["root", "main", "part"]

_TRIES: Final = 3  # how often all rows are gone through for one that is not there yet


@dataclass(frozen=True)
class Field:
    """A property: its key, what it is called for what it holds, and its JSON Schema."""

    key: str
    called: str
    node: dict[str, Any]

    @cached_property
    def examples(self) -> list[Any]:
        """What its schema gives as examples; its default where it has none."""
        found = self.node.get("examples")
        return found if isinstance(found, list) else []

    @cached_property
    def is_text(self) -> bool:
        """Whether it is a string of free text."""
        node = self.node
        bound = {"format", "pattern", "enum", "const", "contentSchema"} & node.keys()
        return node.get("type") == "string" and not bound

    @cached_property
    def is_prose(self) -> bool:
        """Whether it holds sentences."""
        texts = [text for text in self.examples if isinstance(text, str)]
        ended = [text for text in texts if len(text) > 60 or text.endswith((".", "!"))]
        wanted = len(ended) * 2 > len(texts) if texts else is_prose(self.called)
        return self.is_text and wanted and longest(self.node) > 60

    @cached_property
    def is_title(self) -> bool:
        """Whether it says what the object is called, and no name of a person or a place."""
        return self.is_text and not self.is_prose and is_title(self.called)


class Pool:
    """The rows for objects of one kind.

    fields: the properties
    role: "root" where the object is the answer; "main" where it is an element of the answer's
        only list; else "part"
    """

    def __init__(self, words: Words, rng: Random, fields: Sequence[Field], role: Role) -> None:
        self._words, self._rng, self.fields, self._role = words, rng, fields, role
        self._title = next((f for f in fields if f.is_title and not fact_of(f.called)), None)
        self._prose = next((f for f in fields if f.is_prose), None)
        self._name = next((f for f in fields if f.is_text and fact_of(f.called)), None)
        self._rows: list[Row] = []
        self._next = 0
        self._list = self._begun = 0
        self._is_quotation = False

    def fill(self, objects: Sequence[Row], about: Sequence[str]) -> None:
        """Find the rows. objects: examples of the whole object; about: the object's names"""
        self._is_quotation = any("quot" in name.lower() for name in about)
        examples = self._examples()
        known = subjects.rows(about, [f.key for f in self.fields], self._words.topic, self._rng)
        mine = [*objects, *self._rng.sample(examples, len(examples))]
        if known and not objects:
            titles = {row[self._key] for row in known}
            mine = [row for row in mine if row.get(self._key) not in titles]
            known = sorted([*mine, *known], key=lambda row: -int(row.get(FITS, 1)))
            mine = []
        self._rows = [*mine, *known]

    def next(self, of_list: int) -> Row:
        """What the next object says; nothing where no row says anything.

        of_list: a number of the innermost list around the object; no row is in a list twice
        """
        if of_list != self._list:
            self._list, self._begun = of_list, self._next
        count = len(self._rows)
        for _ in range(_TRIES * count):
            row, time = self._chosen(self._next % count), (self._next - self._begun) // count
            self._next += 1
            row = self._again(row, time) if time else self._first(row)
            if not self._is_there(row):
                return row
        return {}

    def _chosen(self, at: int) -> Row:
        """A row, with a choice for what it leaves open: the same one each time it comes."""
        open_ = {f.key: f.node["enum"] for f in self.fields if "enum" in f.node}
        made = {key: choices[at % len(choices)] for key, choices in open_.items()}
        return {**made, **self._rows[at]}

    @property
    def _key(self) -> str:
        """The key of what tells one row from another."""
        field = self._title or self._name or self._prose
        return field.key if field else ""

    def _examples(self) -> list[Row]:
        count = max((len(f.examples) for f in self.fields), default=0)
        given = [f for f in self.fields if f.examples]
        if count < 2 and not any(f.is_text for f in given):
            return []
        return [{f.key: f.examples[at % len(f.examples)] for f in given} for at in range(count)]

    def _is_there(self, row: Row) -> bool:
        text = row.get(self._key)
        return isinstance(text, str) and self._words.is_there(text)

    def _first(self, row: Row) -> Row:
        made = {key: self._filled(key, value) for key, value in row.items() if key != FITS}
        if FITS in row:
            return made if row[FITS] else self._fitting(made)
        return self._framed(made)

    def _filled(self, key: str, value: Any) -> Any:
        if not isinstance(value, str) or "{" not in value:
            return value
        return self._words.filled(value, self._longest(key))

    def _longest(self, key: str) -> int:
        return next((longest(f.node) for f in self.fields if f.key == key), 1000)

    def _fitting(self, row: Row) -> Row:
        """A row that has nothing to do with the topic says that it suits it."""
        prose = self._prose
        if prose is None or not isinstance(text := row.get(prose.key), str):
            return row
        return row | {prose.key: self._words.fit_for(text, longest(prose.node))}

    def _framed(self, row: Row) -> Row:
        """A row of the schema's own examples, with the topic where there is a place for it."""
        title, prose = self._title, self._prose
        if self._role == "root" and title:
            return self._told(self._headed(row, title))
        if self._role == "root":
            return self._headed(row, prose)
        if self._role == "main" and prose:
            return self._fitting(row)
        if self._role == "main" and title:
            return self._headed(row, title)
        return self._told(row)

    def _headed(self, row: Row, field: Field | None) -> Row:
        """A row with the topic before a title, but for one that is a name or a code."""
        if field is None or not isinstance(text := row.get(field.key), str):
            return row
        if is_code(text) or (is_name(text) and not field.is_prose):
            return row
        return row | {field.key: self._words.headed(text, longest(field.node))}

    def _told(self, row: Row) -> Row:
        """A row whose text goes on with a sentence about the topic, unless somebody has said it."""
        prose = self._prose
        if self._is_quotation or prose is None or not isinstance(text := row.get(prose.key), str):
            return row
        return row | {prose.key: self._words.about(text, longest(prose.node))}

    def _again(self, row: Row, time: int) -> Row:
        """A row that has been taken before: another title, and another text."""
        kept = {f.key: row[f.key] for f in self.fields if f.key in row and self._stays(f)}
        if (title := self._title) and isinstance(text := kept.get(title.key), str):
            filled = self._words.filled(text, longest(title.node))
            kept[title.key] = self._words.varied(filled, time - 1, longest(title.node))
        if (prose := self._prose) and prose.key in row:
            kept[prose.key] = self._words.prose(longest(prose.node), 2)
        return kept

    def _stays(self, field: Field) -> bool:
        told = field.is_text and not field.is_prose and field is not self._name
        return told or field.node.get("type") in ("boolean", "array")
