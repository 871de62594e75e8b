"""Fuzz the decoder with random models: `python -m tests.fuzz.models SECONDS`.

Each model gets some values, each of which is written and cut in many ways; what the decoder
promises is held against Pydantic. Exits with 1, and the case, where it fails. At the end it
tells how many models and texts there were.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.partial.document import Document
from app.partial.invalid import Invalid
from app.partial.value import dumps
from app.views.text import CannotTakeBack, TextWriter
from tests.partial import test_properties as properties
from tests.partial.models import Case, cases, kinds
from tests.partial.texts import pieces

VALUES = 6
"""Of each model."""

ROUND = 20
"""Models, after which the time is looked at."""

PROMISES = (
    properties.test_the_last_partial_is_the_validated_value,
    properties.test_without_a_result_all_else_is_the_same,
    properties.test_every_partial_satisfies_the_partial_schema,
    properties.test_strings_and_lists_only_grow_and_atoms_come_once,
    properties.test_a_text_cut_anywhere_shows_a_beginning_of_the_value,
    properties.test_the_operations_make_the_value_and_the_bytes_are_its_json,
)


@dataclass
class Count:
    until: float
    models: int = 0
    texts: int = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until


def check(case: Case, *, spoilt: bool) -> None:
    """Raises AssertionError where a promise is broken."""
    for promise in PROMISES:
        promise.hypothesis.inner_test(case)  # type: ignore[attr-defined]
    properties.test_pieces_make_no_difference.hypothesis.inner_test(case, spoilt)  # type: ignore[attr-defined]
    check_text(case)


def check_text(case: Case) -> None:
    """The `text` view writes the value, and takes nothing back."""
    decoder = case.decoder()
    document = Document()
    writer = TextWriter(case.root)
    written = b""
    try:
        for piece in pieces(case.text, case.random):
            if operations := decoder.feed(piece):
                document.adopt(decoder.value, operations)
                written += writer.move(document)
        decoder.finish()
        written += writer.finish(document)
    except Invalid:
        return
    except CannotTakeBack:
        assert case.has_rivals, "the text view breaks off"
        return
    assert properties.canonical(written) == properties.canonical(dumps(decoder.value))


def fuzz(count: Count) -> None:
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.data())
    def run(data: Any) -> None:
        kind = data.draw(kinds())
        count.models += 1
        for _ in range(VALUES):
            check(data.draw(cases(of=st.just(kind))), spoilt=data.draw(st.booleans()))
            count.texts += 1

    run()
    while not count.is_over:
        run()


def main() -> None:
    seconds = int(sys.argv[1])
    count = Count(time.monotonic() + seconds)
    try:
        fuzz(count)
    finally:
        print(f"{count.models} models, {count.texts} texts, each cut in 24 ways or so")


if __name__ == "__main__":
    main()
