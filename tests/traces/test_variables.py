"""A variable that OpenTelemetry can't use keeps the service from starting, with words."""

from __future__ import annotations

import pytest

from app.main import create_app
from app.settings import Settings
from app.telemetry.traces import TracesError, start_sending
from tests.support.service import DEFAULTS


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100", "less than or equal to max_queue_size"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
    ],
)
def test_a_variable_that_can_not_be_used_is_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    start_sending.cache_clear()
    monkeypatch.setenv(variable, value)
    with pytest.raises(TracesError, match=f"^TRACES: .*{words}"):
        create_app(Settings(**DEFAULTS, traces=True))
