"""The spans of a stream, for traces. Without OpenTelemetry's SDK these calls do next to nothing.

    POST /ideas            of the request, in `app/http/traces.py`: ends with the answer's head
      stream ideas         from the stream's begin to its end
        chat gpt-4o-mini   an attempt, however often the provider was asked in it
        chat gpt-4o-mini   the next one

Attributes follow OpenTelemetry's conventions for generative AI. Those that it has no name for begin
with `structured_streams`.
https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/client-inference.md
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import baggage, context, propagate
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    format_trace_id,
    get_current_span,
    get_tracer,
    use_span,
)

from app import __version__
from app.errors import Cancelled, ServiceError
from app.providers.base import Completion, CompletionRequest, Finish
from app.providers.model_settings import ModelSettings
from app.streams.log_entry import DONE, MOVED
from app.streams.stream import Stream

CONTENT_CHARACTERS: Final = 16_384
"""What is kept of each message in a span, at most, where content is captured."""

_NUMBERS: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
"""Fields of a request that a span has, too."""

_REASONS: Final = {
    Finish.STOP: "stop",
    Finish.LENGTH: "length",
    Finish.FILTERED: "content_filter",
    Finish.REFUSED: "refusal",
    Finish.UNKNOWN: "unknown",
}

_HONEST: Final = (DONE, MOVED, Cancelled.code)
"""The ends that are no errors. A reader that leaves has seen enough."""

_tracer = get_tracer("structured_streams", __version__)


def trace_id() -> str | None:
    """The id of the trace that this belongs to, in hex; None if there is none."""
    here = get_current_span().get_span_context()
    return format_trace_id(here.trace_id) if here.is_valid else None


def carried_trace() -> dict[str, str]:
    """What tells another process of the trace that this belongs to, as headers would."""
    carried: dict[str, str] = {}
    propagate.inject(carried)
    return carried


def trace_id_in(carried: Mapping[str, str]) -> str | None:
    """The id of a trace of which another process has told; None if it has told of none."""
    with in_trace(carried):
        return trace_id()


@contextmanager
def in_trace(carried: Mapping[str, str]) -> Iterator[None]:
    """What begins within belongs to a trace of which another process has told."""
    token = context.attach(baggage.clear(propagate.extract(carried)))
    try:
        yield
    finally:
        context.detach(token)


def stream_span(stream: Stream) -> AbstractContextManager[None]:
    """The span of a stream. What was asked and what came of it are its attributes."""
    entry, origin = stream.request.entry, stream.origin
    asked = {
        "gen_ai.prompt.name": entry.name,
        "gen_ai.prompt.version": entry.version,
        "gen_ai.request.model": stream.request.model,
        "structured_streams.stream.id": stream.id,
        "structured_streams.request.id": origin.request_id,
    }
    if origin.caller:
        asked["structured_streams.caller"] = origin.caller
    span = _new_span(f"stream {entry.name}", SpanKind.INTERNAL, asked)
    return nullcontext() if span is None else _in_stream(stream, span)


@contextmanager
def _in_stream(stream: Stream, span: Span) -> Iterator[None]:
    with _current(span):
        try:
            yield
        finally:
            _note_end(stream)


def _note_end(stream: Stream) -> None:
    span, code = get_current_span(), stream.outcome_code
    if not span.is_recording():
        return
    span.set_attribute("structured_streams.outcome", code)
    span.set_attribute("structured_streams.attempts", stream.figures.attempts)
    if (cost := stream.figures.cost_usd) is not None:
        span.set_attribute("structured_streams.cost_usd", cost)
    if code not in _HONEST:
        _note_error(code)


def attempt_span(
    stream: Stream, model: ModelSettings, request: CompletionRequest, *, with_content: bool
) -> AbstractContextManager[None]:
    """The span of an attempt.

    with_content: whether it holds what the model is told and what it answers
    """
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.provider,
        "gen_ai.request.model": model.model,
        "gen_ai.request.stream": True,
        "gen_ai.output.type": "json",
        "gen_ai.prompt.name": stream.request.entry.name,
        "gen_ai.prompt.version": stream.request.entry.version,
        "structured_streams.attempt": stream.figures.attempts,
        **_server(model.base_url),
        **_bounds(request, model.options),
        **(_told(request.messages) if with_content else {}),
    }
    span = _new_span(f"chat {model.model}", SpanKind.CLIENT, attributes)
    return nullcontext() if span is None else _in_attempt(span)


@contextmanager
def _in_attempt(span: Span) -> Iterator[None]:
    with _current(span):
        try:
            yield
        except ServiceError as error:
            _note_error(error.code)
            raise
        except asyncio.CancelledError:
            span.add_event("cancelled")
            raise
        except Exception as error:
            _note_error(type(error).__name__)
            raise


def note_first_content(seconds: float) -> None:
    """The attempt's first content has come, so long after its begin."""
    if (span := get_current_span()).is_recording():
        span.add_event("first content")
        span.set_attribute("gen_ai.response.time_to_first_chunk", seconds)


def note_restart(attempt: int, code: str, model: str | None) -> None:
    """Readers are told to forget what they have, as another attempt begins.

    code: of the error because of which it begins, or `moved`
    """
    if (span := get_current_span()).is_recording():
        about: dict[str, str | int] = {
            "structured_streams.attempt": attempt,
            "error.type": code,
        }
        if model is not None:
            about["structured_streams.model"] = model
        span.add_event("restart", about)


def note_failure(error: ServiceError) -> None:
    """The attempt has failed."""
    _note_error(error.code)


def note_answer(completion: Completion, text: str | None) -> None:
    """The attempt's answer has ended.

    text: what the model has written; None if content is not captured
    """
    span = get_current_span()
    if not span.is_recording():
        return
    finish = completion.finish
    if finish in _REASONS:
        span.set_attribute("gen_ai.response.finish_reasons", [_REASONS[finish]])
    if (usage := completion.usage) is not None:
        span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
        if usage.cached_tokens:
            span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens)
        if usage.cache_write_tokens:
            span.set_attribute("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens)
    if text is not None:
        reason = _REASONS.get(finish, "error") if finish else "error"
        said = {"role": "assistant", "parts": [_part(text)], "finish_reason": reason}
        span.set_attribute("gen_ai.output.messages", json.dumps([said]))


def _new_span(name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> Span | None:
    """A new span; None where there are no traces: then it would be the one that is there."""
    span = _tracer.start_span(name, kind=kind, attributes=attributes)
    return None if span is get_current_span() else span


def _current(span: Span) -> AbstractContextManager[Span]:
    """Make a span the current one. It keeps no exception: its message may quote content."""
    return use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)


def _note_error(kind: str) -> None:
    span = get_current_span()
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _server(base_url: str | None) -> dict[str, Any]:
    """Where the model is, without the query and the user info that a URL may have."""
    if base_url is None:
        return {}
    place = urlsplit(base_url)
    port = place.port or (443 if place.scheme == "https" else 80)
    return {"server.address": place.hostname or "", "server.port": port}


def _bounds(request: CompletionRequest, options: Mapping[str, Any]) -> dict[str, Any]:
    found = {**options, **request.options}
    numbers = {name: found[name] for name in _NUMBERS if isinstance(found.get(name), int | float)}
    if request.max_tokens is not None:
        numbers["max_tokens"] = request.max_tokens
    return {f"gen_ai.request.{name}": value for name, value in numbers.items()}


def _told(messages: list[dict[str, Any]]) -> dict[str, str]:
    system = [_part(each["content"]) for each in messages if each["role"] == "system"]
    others = [
        {"role": each["role"], "parts": [_part(each["content"])]}
        for each in messages
        if each["role"] != "system"
    ]
    return {
        "gen_ai.system_instructions": json.dumps(system),
        "gen_ai.input.messages": json.dumps(others),
    }


def _part(text: str) -> dict[str, str]:
    cut = text if len(text) <= CONTENT_CHARACTERS else f"{text[:CONTENT_CHARACTERS]}…"
    return {"type": "text", "content": cut}
