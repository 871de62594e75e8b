"""A null that a member refuses stands for its absence, where the model had to write all members."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

import pytest
from pydantic import BaseModel, BeforeValidator, Field, field_validator
from typing_extensions import TypedDict

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from app.partial.value import plain


class Film(TypedDict):
    title: str
    cast: NotRequired[list[str]]


class Inner(BaseModel):
    number: int = 3


class Proved(BaseModel):
    """Pydantic validates the whole of it, as one field's validator sees the others."""

    name: str = "nobody"
    shouted: str = "a"
    many: list[int] = [1]
    inner: Inner = Inner()

    @field_validator("shouted")
    @classmethod
    def shout(cls, value: str, info: Any) -> str:
        return f"{value}{len(info.data)}"


class Before(BaseModel):
    count: Annotated[int, BeforeValidator(lambda value: value)] = 5
    maybe: Annotated[int, BeforeValidator(lambda value: value or 0)] = 6


def decoded(type_: Any, text: str, size: int, *, null_is_absent: bool = True) -> Any:
    decoder = Decoder(plan(type_), null_is_absent=null_is_absent)
    for start in range(0, len(text), size):
        decoder.feed(text[start : start + size])
    decoder.finish()
    return plain(decoder.value)


CASES = [
    (Inner, '{"number": null}', {"number": 3}),
    (Film, '{"title": "a", "cast": null}', {"title": "a"}),
    (list[Film], '[{"cast": null, "title": "a"}]', [{"title": "a"}]),
    (dict[Literal["a", "b"], int], '{"a": null, "b": 1}', {"b": 1}),
    (dict[str, int | None], '{"a": null}', {"a": None}),
    (
        Proved,
        '{"name": null, "shouted": null, "many": null, "inner": {"number": null}}',
        {"name": "nobody", "shouted": "a", "many": [1], "inner": {"number": 3}},
    ),
    (
        Proved,
        '{"name": "b", "shouted": "c", "many": null, "inner": null}',
        {"name": "b", "shouted": "c1", "many": [1], "inner": {"number": 3}},
    ),
    (Before, '{"count": null, "maybe": null}', {"count": 5, "maybe": 0}),
]


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(("type_", "text", "value"), CASES)
def test_a_null_that_is_refused_is_left_out(type_: Any, text: str, value: Any, size: int) -> None:
    assert decoded(type_, text, size) == value


@pytest.mark.parametrize(("type_", "text", "_"), [CASES[0], CASES[3], CASES[5], CASES[7]])
def test_it_is_refused_where_the_model_could_leave_it_out(type_: Any, text: str, _: Any) -> None:
    with pytest.raises(Invalid):
        decoded(type_, text, 1000, null_is_absent=False)


class Needed(BaseModel):
    name: Annotated[str, Field(min_length=1)]
    number: int = 1


@pytest.mark.parametrize(
    "text", ['{"name": null, "number": null}', '{"name": "", "number": null}', '{"number": null}']
)
def test_what_may_not_be_left_out_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        decoded(Needed, text, 1000)
