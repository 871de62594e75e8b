"""What a model is asked allows nothing that is then refused."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Annotated, Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    WithJsonSchema,
    WrapValidator,
)

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.node import Node
from app.partial.plan import plan
from app.schemas.asked import AskedJsonSchema
from app.schemas.registry import load
from app.schemas.subschemas import everywhere, wrapped
from tests.schemas.asked_types import TYPES
from tests.support.from_schema import values

RESULTS = [entry.schema.result for entry in load("schemas")]


def asked(type_: Any) -> dict[str, Any]:
    """The schema in which a value of a type is asked for, as the value of an object."""
    return wrapped("value", TypeAdapter(type_).json_schema(schema_generator=AskedJsonSchema))


def decode(root: Node, text: str) -> Decoder:
    """What the engine makes of an answer. It fails the test where that is nothing."""
    decoder = Decoder(root, key="value")
    try:
        decoder.feed(text)
        decoder.finish()
    except Invalid as error:
        pytest.fail(f"{text}: {error.errors}")
    return decoder


@pytest.mark.parametrize("type_", [*TYPES, *RESULTS], ids=str)
def test_what_the_schema_allows_is_valid(type_: Any) -> None:
    schema = asked(type_)
    validator, root = jsonschema_rs.validator_for(schema), plan(type_)

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(schema))
    def check(value: Any) -> None:
        assert validator.is_valid(value), (schema, value)
        decode(root, json.dumps(value))

    check()


PART = r"""\\[.?\[\]] | [^\\\[\](){}|*+?.^$] | \[\^?([^\\\]] | \\["\\\[\]] | \\x[0-9a-f]{2})+\]
    | [(|)] | [*+?] | \{\d+(,\d*)?\}"""
FOLLOWED = re.compile(rf"\^({PART})*\$", re.VERBOSE)
"""What converters to grammars know of regular expressions: llama.cpp's knows the least."""


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_grammars_can_follow_each_pattern(type_: Any) -> None:
    for part in everywhere(asked(type_)):
        pattern = part.get("pattern", "^$")
        assert FOLLOWED.fullmatch(pattern)
        assert "(?" not in pattern


class Own(BaseModel):
    """What a field says of itself, or what its own validator takes, is not narrowed."""

    said: Annotated[Decimal, WithJsonSchema({"type": "number"})]
    more: Annotated[dt.date, Field(json_schema_extra={"pattern": "^20"})]
    address: Annotated[str, WithJsonSchema({"type": "string", "format": "ipv4"})]
    before: Annotated[Decimal, BeforeValidator(lambda value: value)]
    wrapped: Annotated[dt.date, WrapValidator(lambda value, handler: handler(value))]


def test_what_a_field_says_of_itself_is_sent_as_it_is() -> None:
    properties = asked(Own)["properties"]["value"]["properties"]
    assert properties["said"] == {"type": "number", "title": "Said"}
    assert properties["more"]["pattern"] == "^20"
    assert properties["address"] == {"type": "string", "format": "ipv4", "title": "Address"}
    assert [set(kind) for kind in properties["before"]["anyOf"]] == [{"type"}, {"type"}]
    assert properties["wrapped"] == {"type": "string", "format": "date", "title": "Wrapped"}
