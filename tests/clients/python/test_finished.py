"""What of a value is finished, and what is being written."""

from __future__ import annotations

from typing import Any

import pytest
from structured_streams.patch import Path
from structured_streams.session import Partial

VALUE: Any = {
    "title": "a",
    "notes": {"by": None, "text": "n"},
    "owner": {"name": "b", "role": None},
    "tags": ["x", None],
    "links": [],
    "seller": {"name": None},
    "budget": 0,
    "due": None,
    "a/b": 1,
}


@pytest.mark.parametrize(
    ("value", "open", "expected"),
    [
        ([{"title": "a"}], (0, "title"), "/0/title"),
        ({"a/b": {"c~d": "e"}}, ("a/b", "c~d"), "/a~1b/c~0d"),
        ("a", (), ""),
        ({"score": 1, "title": None}, (), None),
        ([{"score": 1}], (0,), None),
        ([{"title": "a"}], None, None),
        (None, None, None),
    ],
)
def test_a_string_that_is_written_is_named(
    value: Any, open: Path | None, expected: str | None
) -> None:
    assert Partial(value, open, 1).writing == expected


FINISHED = ["/title", "/budget", "/tags/0", "/tags/1", "/notes", "/notes/by", "/a~1b"]
OPEN = ["", "/owner", "/owner/name", "/owner/role", "/links", "/seller", "/seller/name", "/due"]
NOWHERE = ["/owner/role/x", "/tags/2", "/tags/-1", "/tags/01", "/tags/length", "/name"]


def test_what_was_written_before_is_finished_and_what_may_still_come_is_not() -> None:
    partial = Partial(VALUE, ("owner", "name"), 1)
    assert [pointer for pointer in FINISHED + OPEN + NOWHERE if partial.is_complete(pointer)] == (
        FINISHED
    )


def test_all_that_is_there_is_finished_at_the_end_and_nothing_before_the_first_value() -> None:
    done, unknown = Partial(VALUE, None, 1), Partial(None, None, 1)
    assert all(map(done.is_complete, FINISHED + OPEN))
    assert not any(map(done.is_complete, NOWHERE))
    assert not any(map(unknown.is_complete, FINISHED + OPEN + NOWHERE))
