"""What holds of any type, value and chunking."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from app.partial.document import Document
from app.partial.invalid import Invalid
from app.partial.json_schema import partial_json_schema
from app.partial.operation import Append
from app.partial.value import dumps
from tests.partial.models import Case, cases
from tests.partial.texts import pieces, run

check = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def canonical(text: bytes) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


@check
@given(cases())
def test_the_last_partial_is_the_validated_value(case: Case) -> None:
    decoder = case.decoder()
    made, error = run(decoder, pieces(case.text, case.random))
    if case.is_valid():
        assert error is None
        assert decoder.done
        assert canonical(dumps(decoder.value)) == canonical(case.dumped(decoder.result))
    else:
        assert error is not None
        assert not decoder.done
