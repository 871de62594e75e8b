"""Where all fields are required and plain strings, lists and models: as Instructor has it.

At each character a partial is what Instructor's `create_partial` yields there. All the
deviations, and why:

1. A list that has not begun is `[]`, not null: so the protocol has it.
2. Instructor leaves the models in a list of lists as they stand in the text; here they have
   all their fields from the start, like any model.
3. Instructor strips U+0000 to U+001F and U+007F to U+009F from the text it is given. The first are
   not JSON inside a string, and invalid here; the others are, and are kept.
4. Instructor strips white space from the end of the text so far, so a blank in a string is
   not shown before what follows it. Here it is.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instructor.v2.dsl.partial import Partial
from pydantic import BaseModel, create_model

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from tests.partial.texts import write
from tests.support.examples import searched

check = searched(30)

CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("\0\n\x1f")


@st.composite
def shapes(draw: Any, depth: int = 2) -> tuple[Any, st.SearchStrategy[Any]]:
    """A type of plain strings, lists and models, and values of it."""
    kind = draw(st.sampled_from(["str", "str", "list", "model"] if depth else ["str"]))
    if kind == "str":
        return str, st.text(CHARACTERS, max_size=6)
    if kind == "model":
        return draw(models(depth))
    type_, values = draw(shapes(depth - 1))
    return list[type_], st.lists(values, max_size=3)


@st.composite
def models(draw: Any, depth: int = 3) -> tuple[type[BaseModel], st.SearchStrategy[Any]]:
    members = {
        name: draw(shapes(depth - 1))
        for name in draw(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True))
    }
    fields: dict[str, Any] = {name: (type_, ...) for name, (type_, _) in members.items()}
    values = {name: values for name, (_, values) in members.items()}
    return create_model("Made", **fields), st.fixed_dictionaries(values)


def instructors(model: type[BaseModel], text: str) -> list[Any]:
    """What Instructor yields at each character."""
    return [
        json.loads(found.model_dump_json(warnings=False))
        for found in Partial[model].model_from_chunks(iter(text))  # type: ignore[valid-type]
    ]


def without_the_first_two(type_: Any, value: Any) -> Any:
    """A partial of Instructor's as it would be without the first two deviations."""
    if get_origin(type_) is list:
        return [without_the_first_two(get_args(type_)[0], item) for item in value or []]
    if type_ is str:
        return value
    return {
        name: without_the_first_two(field.annotation, (value or {}).get(name))
        for name, field in type_.model_fields.items()
    }


@check
@given(models(), st.data(), st.integers(0, 2**16))
def test_each_partial_is_instructors(made: Any, data: Any, seed: int) -> None:
    model, values = made
    text = write(data.draw(values), Random(seed))
    decoder = Decoder(plan(model))
    theirs = instructors(model, text)
    assert len(theirs) == len(text)
    for index, character in enumerate(text):
        decoder.feed(character)
        if not character.isspace():
            assert decoder.value == without_the_first_two(model, theirs[index]), text[: index + 1]


class Note(BaseModel):
    text: str
    tags: list[str]


def test_control_characters_that_json_allows_are_kept_and_others_refused() -> None:
    text = '{"text": "a\x7f\x9fb", "tags": []}'
    decoder = Decoder(plan(Note))
    decoder.feed(text)
    assert decoder.value == {"text": "a\x7f\x9fb", "tags": []}
    assert instructors(Note, text)[-1] == {"text": "ab", "tags": []}
    with pytest.raises(Invalid):
        Decoder(plan(Note)).feed('{"text": "a\nb", "tags": []}')
