"""The schema `movies`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.schemas.shipped.reading import (
    HOSTILE,
    SHIPPED,
    check_form,
    check_prompt,
    delimited,
    escaped,
    examples,
    model,
    prompt,
)


def test_it_is_a_list_of_5_unless_it_is_told_otherwise() -> None:
    assert SHIPPED.get("movies").is_list
    assert SHIPPED.get("movies").schema.parameters.model_fields["count"].default == 5


def test_a_year_is_a_number() -> None:
    assert model("movies").model_validate({"title": "A", "year": 1999, "reason": "x"})
    with pytest.raises(ValidationError):
        model("movies").model_validate({"title": "A", "year": "soon", "reason": "x"})


@pytest.mark.parametrize("genre", HOSTILE)
def test_a_genre_stays_between_its_delimiters(genre: str) -> None:
    _, inside, after = delimited(prompt("movies", genre=genre[:50]).user, "genre")
    assert inside.strip() == escaped(genre[:50].strip())
    assert after == ""


def test_a_prompt_without_a_genre_has_no_place_for_one() -> None:
    assert "<genre>" not in prompt("movies").user


def test_each_string_has_several_examples() -> None:
    assert min(examples("movies").values()) >= 4


def test_it_has_parameters_to_try_and_a_limit() -> None:
    check_form("movies")


def test_its_prompt_says_that_a_topic_is_data_and_asks_for_the_count() -> None:
    check_prompt("movies")
