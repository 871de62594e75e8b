"""What a stream is asked for: a schema, its parameters and a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from app.partial.decoder import Decoder
from app.providers.base import CompletionRequest
from app.schema import Deadlines, Parameters
from app.schemas.entry import SchemaEntry
from app.schemas.prompts import render


class Limits(NamedTuple):
    """The longest times, in seconds: to the first content, between contents, and in all."""

    first_content: float
    gap: float
    total: float


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A validated request."""

    entry: SchemaEntry
    parameters: Parameters
    model: str
    """The one that the caller has chosen. Its fallbacks may be asked instead."""

    @property
    def count(self) -> int | None:
        """The most elements of a list result; None if the result is no list."""
        return getattr(self.parameters, "count", None) if self.entry.is_list else None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The prompt, as the messages of a chat. Raises what `render` raises."""
        prompt = render(self.entry.schema, self.parameters)
        return [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.user},
        ]

    def completion(self, model: str, messages: list[dict[str, Any]]) -> CompletionRequest:
        """What a model is asked for, with these messages."""
        return CompletionRequest(
            model=model,
            messages=messages,
            response_model=self.entry.response_model(self.count),
            max_tokens=self.entry.schema.max_tokens,
            options=self.entry.schema.options,
        )

    def decoder(self) -> Decoder:
        """A new decoder, for one answer to this request."""
        entry = self.entry
        return Decoder(entry.plan, key=entry.root_key, bound=self.count, bare=True)

    def limits(self, model: Deadlines, default: Limits) -> Limits:
        """The schema's own deadlines; where it has none the model's, and then the default ones."""
        own = self.entry.schema.deadlines
        return Limits(
            own.first_content or model.first_content or default.first_content,
            own.gap or model.gap or default.gap,
            own.total or model.total or default.total,
        )
