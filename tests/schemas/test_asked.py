"""What a model is asked allows nothing that is then refused."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import TypeAdapter

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.node import Node
from app.partial.plan import plan
from app.schemas.asked import AskedJsonSchema
from app.schemas.subschemas import wrapped
from tests.schemas.asked_types import TYPES
from tests.support.from_schema import values


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


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_what_the_schema_allows_is_valid(type_: Any) -> None:
    schema = asked(type_)
    validator, root = jsonschema_rs.validator_for(schema), plan(type_)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(schema))
    def check(value: Any) -> None:
        assert validator.is_valid(value), (schema, value)
        decode(root, json.dumps(value))

    check()
