"""A collector of traces: it reads OTLP over HTTP, as the SDK sends it, by the published messages.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

SECONDS = 30


class Collector:
    """url: what OTEL_EXPORTER_OTLP_ENDPOINT is set to. resources: what has sent spans."""

    def __init__(self) -> None:
        self.url = ""
        self.resources: list[dict[str, Any]] = []
        self._spans: list[Span] = []
        self._news = asyncio.Event()

    async def trace(self, trace_id: str, spans: int) -> list[Span]:
        """The spans of a trace, once so many have come, in the order in which they began."""
        async with asyncio.timeout(SECONDS):
            while len(found := self.spans(trace_id)) < spans:
                self._news.clear()
                await self._news.wait()
        return found

    def spans(self, trace_id: str) -> list[Span]:
        """What has come of a trace."""
        found = [span for span in self._spans if span.trace_id.hex() == trace_id]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"POST /v1/traces ")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                self._take(await reader.readexactly(length))
                answer = ExportTraceServiceResponse().SerializeToString()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.resources.append(attributes(resource.resource.attributes))
            for scope in resource.scope_spans:
                self._spans.extend(scope.spans)
        self._news.set()


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector on a free port."""
    running = Collector()
    listener = await asyncio.start_server(running.serve, "127.0.0.1")
    running.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        listener.close()


def attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    """Attributes as a dict, by name."""
    return {pair.key: _value(pair.value) for pair in sorted(pairs, key=lambda pair: pair.key)}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)


def tree(spans: Iterable[Span], parent: bytes | None = None) -> list[Any]:
    """The spans under a parent (None: under whatever has not come itself), as nested lists.

    A span is its kind and name with its status, its attributes, its events, and its children.
    """
    spans = list(spans)
    known = {span.span_id for span in spans}
    children = [
        span
        for span in spans
        if span.parent_span_id == parent or (parent is None and span.parent_span_id not in known)
    ]
    return [
        [
            f"{_kind(span)} {span.name}{_failed(span)}",
            attributes(span.attributes),
            [[event.name, attributes(event.attributes)] for event in span.events],
            tree(spans, span.span_id),
        ]
        for span in children
    ]


def _kind(span: Span) -> str:
    return Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")


def _failed(span: Span) -> str:
    return " FAILED" if span.status.code == Status.STATUS_CODE_ERROR else ""
