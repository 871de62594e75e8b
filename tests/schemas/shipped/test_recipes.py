"""The schema `recipes`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.schemas.shipped.reading import SHIPPED, check_form, check_prompt, examples, model

GOOD = {"name": "A", "prep_time_minutes": 1, "ingredients": ["x"], "instructions": ""}


def test_it_is_a_list_of_5_unless_it_is_told_otherwise() -> None:
    assert SHIPPED.get("recipes").is_list
    assert SHIPPED.get("recipes").schema.parameters.model_fields["count"].default == 5


@pytest.mark.parametrize("wrong", [{"prep_time_minutes": 0}, {"ingredients": []}])
def test_a_recipe_takes_time_and_has_ingredients(wrong: dict[str, Any]) -> None:
    assert model("recipes").model_validate(GOOD)
    with pytest.raises(ValidationError):
        model("recipes").model_validate(GOOD | wrong)


def test_each_string_has_several_examples() -> None:
    assert min(examples("recipes").values()) >= 4


def test_it_has_parameters_to_try_and_a_limit() -> None:
    check_form("recipes")


def test_its_prompt_says_that_a_topic_is_data_and_asks_for_the_count() -> None:
    check_prompt("recipes")
