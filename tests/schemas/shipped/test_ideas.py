"""The schema `ideas`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.schemas.shipped.reading import SHIPPED, check_form, check_prompt, examples, model


def test_it_is_a_list_of_5_unless_it_is_told_otherwise() -> None:
    assert SHIPPED.get("ideas").is_list
    assert SHIPPED.get("ideas").schema.parameters.model_fields["count"].default == 5


def test_an_idea_is_two_required_plain_strings() -> None:
    fields = model("ideas").model_fields
    assert list(fields) == ["title", "blurb"]
    assert all(info.annotation is str and info.is_required() for info in fields.values())


def test_a_blurb_is_short() -> None:
    assert model("ideas").model_validate({"title": "A", "blurb": "x" * 140})
    with pytest.raises(ValidationError):
        model("ideas").model_validate({"title": "A", "blurb": "x" * 141})


def test_each_string_has_several_examples() -> None:
    assert min(examples("ideas").values()) >= 4


def test_it_has_parameters_to_try_and_a_limit() -> None:
    check_form("ideas")


def test_its_prompt_says_that_a_topic_is_data_and_asks_for_the_count() -> None:
    check_prompt("ideas")
