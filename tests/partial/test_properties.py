"""What holds of any type, value and chunking."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings

from app.partial.value import dumps
from tests.partial.models import Case, cases
from tests.partial.texts import pieces, run

check = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
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
