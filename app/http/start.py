"""A request for a stream: validated, begun, and answered with a stream, a value or a problem."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.entry import Entry
from app.errors import InvalidRequest
from app.event import Failed
from app.generation import Generation
from app.http.body import read_object
from app.http.context import request_id
from app.http.negotiation import Format, negotiate
from app.http.options import Options, invalid, split_query
from app.http.problem import problem
from app.http.response import StreamResponse
from app.partial.value import dumps
from app.registry import Registry
from app.request import Request as Wanted
from app.run import follow
from app.schema import Parameters
from app.settings import Settings
from app.streams import Streams
from app.wire.snapshot import Snapshot

CLIENT_CLOSED_REQUEST = 499  # nginx's own; nobody is there to read it


class Starter:
    """Begins streams for requests."""

    def __init__(
        self, registry: Registry, streams: Streams, settings: Settings, models: tuple[str, ...]
    ) -> None:
        self.registry = registry
        self.models = models
        self._streams = streams
        self._settings = settings

    def endpoint(self, entry: Entry) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of `/{schema}`: the parameters are a GET's query, or a POST's body."""

        async def endpoint(request: Request) -> Response:
            if request.method == "GET":
                return await self._get(request, entry)
            format, options = _steering(request)
            body = await read_object(request, self._settings.max_body_bytes)
            return await self._start(request, format, options, entry, _of_body(entry, body))

        return endpoint

    async def _get(self, request: Request, entry: Entry) -> Response:
        format = _format(request)
        options, rest = split_query(request.scope["query_string"])
        parameters = _parameters(entry, rest, entry.schema.parameters.model_validate_strings)
        return await self._start(request, format, options, entry, parameters)

    async def post_any(self, request: Request) -> Response:
        """The endpoint of `POST /streams`: the schema is named in the body."""
        format, options = _steering(request)
        body = await read_object(request, self._settings.max_body_bytes)
        name = body.pop("schema", None)
        if not isinstance(name, str):
            raise InvalidRequest(
                "The body must name a schema.",
                errors=[{"path": "/schema", "message": "must be a string"}],
            )
        entry = self.registry.get(name)
        return await self._start(request, format, options, entry, _of_body(entry, body))

    async def _start(
        self,
        request: Request,
        format: Format,
        options: Options,
        entry: Entry,
        parameters: Parameters,
    ) -> Response:
        wanted = Wanted(entry, parameters, options.pick(self.models))
        generation = self._streams.begin(wanted)
        with ExitStack() as stack:
            stack.enter_context(self._streams.reading(generation))
            if format is Format.JSON:
                return await self._whole(request, generation)
            is_there = await _while_there(request, generation.opened, self._settings.open_timeout)
            end = generation.target.outcome
            if not is_there or (isinstance(end, Failed) and not generation.answered):
                return _refusal(request, end)
            return self._stream(request, format, options, generation, stack.pop_all())

    def _stream(
        self,
        request: Request,
        format: Format,
        options: Options,
        generation: Generation,
        reading: ExitStack,
    ) -> Response:
        run = generation.target
        batches = follow(
            run,
            Snapshot(request_id(request.scope)),
            interval=options.interval_ms / 1000,
            heartbeat=self._settings.heartbeat_seconds,
        )
        return StreamResponse(
            batches,
            format=format,
            location=f"{self._settings.root_path}/streams/{run.id}",
            reading=reading,
        )

    async def _whole(self, request: Request, generation: Generation) -> Response:
        """The final value alone; an error as a status."""
        is_there = await _while_there(request, generation.finished, None)
        end = generation.target.outcome
        if not is_there or isinstance(end, Failed):
            return _refusal(request, end)
        headers = {"Cache-Control": "no-cache"}
        return Response(generation.target.document.encode(), 200, headers, Format.JSON)


def _steering(request: Request) -> tuple[Format, Options]:
    options, rest = split_query(request.scope["query_string"])
    if rest:
        raise InvalidRequest(
            "The query has an unknown key.",
            errors=[{"path": "", "message": "has an unknown key"}],
        )
    return _format(request), options


def _format(request: Request) -> Format:
    return negotiate(",".join(request.headers.getlist("accept")))


def _of_body(entry: Entry, body: dict[str, Any]) -> Parameters:
    # As JSON, for types that are stricter with Python's own values.
    return _parameters(entry, dumps(body), entry.schema.parameters.model_validate_json)


def _parameters(entry: Entry, given: Any, validate: Callable[[Any], Parameters]) -> Parameters:
    try:
        return validate(given)
    except ValidationError as error:
        message = f"The parameters of {entry.name} are not valid."
        raise invalid(message, error, entry.parameter_keys) from None


def _refusal(request: Request, end: object) -> Response:
    """The answer in place of a stream that ended before it began."""
    if not isinstance(end, Failed):
        return Response(status_code=CLIENT_CLOSED_REQUEST)
    return problem(end, request_id(request.scope))


async def _while_there(
    request: Request, future: asyncio.Future[None], seconds: float | None
) -> bool:
    """Wait for a future, as long as the client is there. False: it has gone."""
    leaving = asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({future, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return not leaving.done()
    finally:
        leaving.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
