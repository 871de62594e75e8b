"""The models of a recording, with settings by which a replay is asked as the recorded one was."""

from __future__ import annotations

from typing import Any

from app.providers.model_settings import Mode, ModelSettings
from app.recordings.recording import RecordedModel, Recording
from app.schemas.dialects import Dialect


def recorded_models(recording: Recording) -> tuple[ModelSettings, ...]:
    """The models in turn, the one that was asked first at the beginning."""
    return tuple(_settings(model, recording) for model in recording.models)


def _settings(model: RecordedModel, recording: Recording) -> ModelSettings:
    mode, dialect = _way(recording, model)
    return ModelSettings(
        name=model.name,
        model=model.name,
        provider=model.provider,
        mode=mode,
        dialect=dialect,
        fallbacks=model.fallbacks,
        fall_back_on=model.fall_back_on,
    )


def _way(recording: Recording, model: RecordedModel) -> tuple[Mode, Dialect]:
    """How the model was asked when it last answered with a 2xx, or `auto` if it never did."""
    for answer in reversed(recording.answers):
        if answer.model == model.name and answer.status is not None and answer.status < 300:
            return way_of(answer.asked)
    return "auto", "full"


def way_of(asked: dict[str, Any]) -> tuple[Mode, Dialect]:
    """The mode and the dialect of a request, by its JSON."""
    if tools := asked.get("tools"):
        return "tools", _dialect(tools[0].get("function", tools[0]))
    if "output_config" in asked:
        return "json_schema", "strict"
    match asked.get("response_format"):
        case {"type": "json_schema", "json_schema": schema}:
            return "json_schema", _dialect(schema)
        case {"type": "json_object"}:
            return "json", "full"
    return ("json" if "system" in asked else "md_json"), "full"


def _dialect(schema: dict[str, Any]) -> Dialect:
    return "strict" if schema.get("strict") is True else "full"
