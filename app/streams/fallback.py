"""Which models a stream may ask, and after which failures it asks the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.errors import (
    OutputError,
    OutputFiltered,
    OutputInvalid,
    OutputRefused,
    OutputTruncated,
    ProviderError,
    ServiceError,
)
from app.providers.model_settings import FallBackOn, ModelSettings

_WHERE_SAID: Final[dict[FallBackOn, type[OutputError]]] = {
    "refused": OutputRefused,
    "filtered": OutputFiltered,
    "truncated": OutputTruncated,
}


def in_turn(name: str, models: Mapping[str, ModelSettings]) -> tuple[ModelSettings, ...]:
    """The model of that name and those to ask in its place. Their own fallbacks don't count."""
    first = models.get(name) or ModelSettings(name=name, model=name)
    return first, *(models[other] for other in first.fallbacks)


def falls_back(model: ModelSettings, error: ServiceError) -> bool:
    """Whether another model may do better after this failure, the last one of this model.

    What a provider fails in, another one may do. What a model refuses, another one is asked only
    where the settings say so.
    """
    said = (_WHERE_SAID[word] for word in model.fall_back_on)
    return isinstance(error, (ProviderError, OutputInvalid, *said))
