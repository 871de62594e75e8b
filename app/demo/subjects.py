"""What the demo model knows something about: movies, books, recipes, ideas. Pure.

rows(about, keys, topic, rng) -> the rows for an object with these properties, the fittest first
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Final

from app.demo import ideas, movies, names, phrases, recipes
from app.demo.field_name import said
from app.demo.topic import Topic, alike

Row = dict[str, Any]
"""What each property of an object says; they belong together."""


class Table:
    """Rows of values that belong together, which are found by what they are about."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.rows: list[Row] = [dict(zip(columns, row, strict=True)) for row in rows]
        self._tags: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        for at, row in enumerate(self.rows):
            for tag in str(row.get("tags", "")).split():
                self._tags[tag[:3]].add((tag, at))

    def likeness(self, topic: Topic) -> Counter[int]:
        """How many tags of each row, by its index, are words of the topic."""
        tagged = [(word, tag, at) for word in topic.words for tag, at in self._tags[word[:3]]]
        return Counter(at for word, tag, at in tagged if alike(tag, word))


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that the demo model knows.

    about: matches the names, in words, of an object of this subject and of its properties
    columns: a pattern of properties' names for each column that a property may show; the first
        column says what the object is called
    tables: where the rows for a topic stand
    """

    about: re.Pattern[str]
    columns: dict[str, re.Pattern[str]]
    tables: Callable[[Topic], Sequence[Table]]


def _subject(
    about: str, columns: dict[str, str], tables: Callable[[Topic], Sequence[Table]]
) -> Subject:
    patterns = {column: re.compile(pattern) for column, pattern in columns.items()}
    return Subject(re.compile(rf"\b({about})s?\b"), patterns, tables)


_MOVIES: Final = Table(movies.COLUMNS, movies.ROWS)
_BOOKS: Final = Table(names.BOOK, names.BOOKS)
_RECIPES: Final = Table(recipes.COLUMNS, recipes.ROWS)
_IDEAS: Final = Table(ideas.COLUMNS, ideas.PHRASES)
_QUOTED: Final = Table(ideas.COLUMNS, ideas.QUOTED)


def _recipes(topic: Topic) -> list[Table]:
    return [Table(recipes.COLUMNS, recipes.made_of(topic)), _RECIPES]


_QUIZ: Final = Table(phrases.QUIZ, phrases.QUESTIONS)
_WHY: Final = (
    r".*\b(reason|why|blurb|description|summary|review|comment|pitch|note|text|plot|synopsis)s?.*"
)
_SUBJECTS: Final = (
    _subject(
        "movie|film|cinema",
        {"title": r"(movie |film )?(title|name)", "year": r".*\byear|released?", "genre": "genre",
         "director": r"director( name)?|directed by", "reason": _WHY},
        lambda _: [_MOVIES],
    ),
    _subject(
        "book|novel",
        {"title": r"(book )?(title|name)", "author": r"author( name)?|written by", "genre": "genre",
         "year": r".*\byear|published", "reason": _WHY},
        lambda _: [_BOOKS],
    ),
    _subject(
        "recipe|dish|meal|dinner|lunch|breakfast",
        {"name": r"(recipe |dish |meal )?(name|title)", "minutes": r".*\b(minutes|time|duration)",
         "ingredients": r"ingredients?( list)?", "instructions": r"instructions?|steps?|method|"
         r"directions|"
         r"preparation|description"},
        _recipes,
    ),
    _subject(
        "idea|suggestion|tip|inspiration|proposal",
        {"title": r"(idea )?(title|name|headline|heading)", "blurb": _WHY},
        lambda topic: [_IDEAS if topic.is_phrase else _QUOTED],
    ),
    _subject(
        "quiz|options|choices|multiple choice|flashcard|faq|answer",
        {"question": r"question( text)?|front", "options": r"options|choices|answers",
         "answer": r"(correct |right )?(answer|option)|back|solution",
         "explanation": r"explanation|why|reason"},
        lambda _: [_QUIZ],
    ),
)  # fmt: skip


def rows(about: Sequence[str], keys: Sequence[str], topic: Topic, rng: Random) -> list[Row]:
    """The rows for an object: those that fit the topic first; none if it is of no subject.

    about: the names of the object: its title, and the property that holds it
    keys: its properties
    """
    found = _found(tuple(about), tuple(keys))
    if found is None:
        return []
    subject, columns = found
    ranked: list[tuple[int, Row]] = []
    for table in subject.tables(topic):
        likeness = table.likeness(topic)
        order = rng.sample(range(len(table.rows)), len(table.rows))
        order.sort(key=lambda at: -likeness[at])
        ranked += [(likeness[at], table.rows[at]) for at in order]
    return [_row(row, columns, fits) for fits, row in ranked]


@lru_cache(maxsize=256)
def _found(about: tuple[str, ...], keys: tuple[str, ...]) -> tuple[Subject, dict[str, str]] | None:
    """The subject of an object, and the column that each of its properties shows."""
    shown = {key: said(key) for key in keys}
    words = " ".join([*map(said, about), *shown.values()])
    for subject in _SUBJECTS:
        columns = _shown(subject, shown)
        if next(iter(subject.columns)) in columns.values() and subject.about.search(words):
            return subject, columns
    return None


def _shown(subject: Subject, shown: Mapping[str, str]) -> dict[str, str]:
    """The column that each property shows, each column once."""
    columns: dict[str, str] = {}
    for key, words in shown.items():
        for column, pattern in subject.columns.items():
            if column not in columns.values() and pattern.fullmatch(words):
                columns[key] = column
                break
    return columns


def _row(row: Row, columns: Mapping[str, str], fits: int) -> Row:
    made = {key: row[column] for key, column in columns.items()}
    return made | {FITS: fits or "tags" not in row}


FITS: Final = ""
"""The key of whether a row fits the topic. No property that is asked for has an empty name."""
