"""The endpoints that begin a stream, attach to it, resume it and cancel it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.errors import InvalidRequest, PayloadTooLarge, StreamNotFound
from app.http.auth.authenticator import caller
from app.http.auth.ticket_uses import TicketUses
from app.http.context import owner, received, request_id
from app.http.endpoints.beginnings import Beginnings, raise_again
from app.http.endpoints.body import read_object, with_whole_numbers
from app.http.endpoints.negotiation import negotiate
from app.http.endpoints.options import (
    IDEMPOTENCY_KEY,
    Options,
    did_you_mean,
    invalid,
    refuse_unknown,
    split_query,
    there_are,
)
from app.http.endpoints.replies import Reading, Replies, parse_event_id, while_there
from app.limits.admission import Admission, Permit
from app.limits.estimates import Estimates
from app.limits.quota import Used
from app.partial.value import dumps
from app.providers.pricing import PriceList
from app.schema import Parameters
from app.schemas.entry import SchemaEntry
from app.schemas.registry import Registry
from app.settings import Settings
from app.streams.registry import Streams
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.streams.traces import trace_id
from app.telemetry.metrics import Telemetry
from app.views.specs import VIEWS, ViewContext, ViewSpec


class StreamEndpoints:
    """The endpoints of streams."""

    def __init__(
        self,
        registry: Registry,
        streams: Streams,
        settings: Settings,
        models: tuple[str, ...],
        admission: Admission,
        ticket_uses: TicketUses,
        telemetry: Telemetry,
        prices: PriceList,
    ) -> None:
        self.registry = registry
        self.models = models
        self._streams = streams
        self._admission = admission
        self._ticket_uses = ticket_uses
        self._settings = settings
        self._replies = Replies(streams, settings, telemetry)
        self._beginnings = Beginnings()
        self._estimates = Estimates()
        self._prices = prices
        self._most_body_bytes = max([settings.max_body_bytes, *map(self._body_bytes, registry)])

    def _body_bytes(self, entry: SchemaEntry) -> int:
        """The most bytes of a body that begins a stream of this schema."""
        return entry.schema.max_body_bytes or self._settings.max_body_bytes

    def endpoint(self, entry: SchemaEntry) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of `/{schema}`: the parameters are a GET's query, or a POST's body."""

        async def endpoint(request: Request) -> Response:
            options, rest = self._query(request)
            last = _last_event_id(request, options)
            if request.method == "GET":
                validate = entry.schema.parameters.model_validate_strings
                if last is None:
                    return await self._begin(request, options, entry, rest, validate, {})
                rest = _unknown(rest, validate)
            refuse_unknown(rest)
            if last is not None:
                return await self._come_back(request, options, last, entry)
            body, _ = await read_object(request, self._body_bytes(entry))
            return await self._begin_with(request, options, entry, body)

        return endpoint

    async def post_any(self, request: Request) -> Response:
        """The endpoint of `POST /streams`: the schema is named in the body."""
        options, rest = self._query(request)
        refuse_unknown(rest)
        if (last := _last_event_id(request, options)) is not None:
            return await self._come_back(request, options, last)
        body, size = await read_object(request, self._most_body_bytes)
        name = body.pop("schema", None)
        if not isinstance(name, str):
            raise InvalidRequest(
                f"The body must name a schema.{did_you_mean(['schema'], body)}",
                errors=[{"path": "/schema", "message": "must be a string"}],
            )
        entry = self.registry.get(name)
        if size > self._body_bytes(entry):
            raise PayloadTooLarge
        return await self._begin_with(request, options, entry, body)

    async def one(self, request: Request) -> Response:
        """The endpoint of `/streams/{id}`."""
        if request.method == "DELETE":
            return await self.cancel(request)
        self._require_one_process("", "There is no coming back to a stream")
        return await self._attach(request)

    async def cancel(self, request: Request) -> Response:
        """The endpoint of `POST /streams/{id}/cancel`. It does the same as `DELETE`.

        It is for `navigator.sendBeacon`, which can only post. A body is not read.
        https://w3c.github.io/beacon/#sendbeacon-method
        """
        self._require_one_process("", "There is no coming back to a stream")
        await self._streams.drop(request.path_params["id"], owner(request.scope))
        return Response(status_code=204)

    def _query(self, request: Request) -> tuple[Options, dict[str, str]]:
        """A query as options and the rest, which may be parameters. Raises `InvalidRequest`."""
        options, rest = split_query(request.scope["query_string"])
        options.require_model(self.models)  # even if the call needs no model
        if options.resumable:
            self._require_one_process("/resumable", "There is no resuming")
        if _last_event_id(request, options):
            self._require_one_process("", "There is no resuming")
        if "idempotency-key" in request.headers or options.idempotency_key is not None:
            self._require_one_process("", "There is no Idempotency-Key")
        return options, rest

    def _require_one_process(self, path: str, refusal: str) -> None:
        """Raise `InvalidRequest` if there are several processes without a common store.

        A later call may then reach a process that does not have the stream.
        path: the part of the request that needs one process
        refusal: the beginning of the message
        """
        if self._settings.workers > 1 and not self._settings.streams_store:
            raise InvalidRequest(
                f"{refusal} here: the service runs in several processes, and each keeps its own.",
                errors=[{"path": path, "message": "needs a service of one process (WORKERS=1)"}],
            )

    async def _attach(self, request: Request) -> Response:
        options, rest = self._query(request)
        refuse_unknown(rest)
        id = request.path_params["id"]
        if (last := _last_event_id(request, options)) is not None:
            if parse_event_id(last)[0] != id:
                raise StreamNotFound
            return await self._come_back(request, options, last)
        stream = await self._streams.attach(id, owner(request.scope))
        reading = self._reading(request, options, self.registry.get(stream.schema))
        await self._admit_replay(request, stream)
        return await self._replies.reply(request, reading, stream)

    async def _admit_replay(self, request: Request, stream: Stream) -> None:
        """Count a whole replay of an ended stream. Raises `RateLimited`.

        Coming back after an event is not counted: an `EventSource` does not try again after a 429.
        """
        if stream.ended:
            await self._admission.admit_replay(caller(request.scope).name)

    async def _come_back(
        self, request: Request, options: Options, last: str, entry: SchemaEntry | None = None
    ) -> Response:
        """Resume a stream after an event. This never begins a stream."""
        id, position = parse_event_id(last)
        stream = await self._streams.attach(id, owner(request.scope))
        if entry is not None and stream.schema != entry.name:
            raise StreamNotFound
        reading = self._reading(request, options, self.registry.get(stream.schema))
        return await self._replies.resume(request, reading, stream, position)

    async def _begin_with(
        self, request: Request, options: Options, entry: SchemaEntry, body: dict[str, Any]
    ) -> Response:
        """Begin a stream whose parameters are in a body, plain or in the form of a front end."""
        posted = VIEWS[options.view].read_body(body)
        # JSON mode accepts strings as dates. Strict mode does not accept "5" as an integer.
        validate = partial(entry.schema.parameters.model_validate_json, strict=True)
        given = dumps(with_whole_numbers(posted.parameters))
        return await self._begin(request, options, entry, given, validate, posted.ids)

    async def _begin(
        self,
        request: Request,
        options: Options,
        entry: SchemaEntry,
        given: Any,
        validate: Callable[[Any], Parameters],
        ids: Mapping[str, str],
    ) -> Response:
        reading = self._reading(request, options, entry, ids)
        in_query = request.method == "GET"
        wanted = GenerationRequest(
            entry,
            _parameters(entry, given, validate, Options.model_fields if in_query else ()),
            options.model or entry.default_model(self.models),
        )
        stream = await self._stream(request, options, wanted)
        return await self._replies.reply(request, reading, stream)

    async def _stream(
        self, request: Request, options: Options, wanted: GenerationRequest
    ) -> Stream:
        """The stream that was begun with the request's idempotency key, or else a new one."""
        who = caller(request.scope)
        origin = Origin(
            owner(request.scope),
            options.resumable,
            _key(request, options),
            request_id(request.scope),
            who.name,
            options.reasoning,
            trace_id=trace_id(),
        )
        while (known := await self._streams.recall(wanted, origin)) is None:
            other = self._beginnings.other(origin.name)
            if other is None:
                with self._beginnings.one(origin.name):
                    return await self._new(request, wanted, origin)
            await _wait(request, other)
            raise_again(other)
        await self._admit_replay(request, known)
        return known

    async def _new(self, request: Request, wanted: GenerationRequest, origin: Origin) -> Stream:
        """A new stream. What refuses it has counted nothing, not even a use of its ticket."""
        ticket = caller(request.scope).ticket
        self._streams.require_open()
        with ExitStack() as stack:
            give_back: Callable[[], None] = _nothing
            if ticket:
                ticket.check(wanted.entry.name)
                give_back = await self._ticket_uses.use(ticket)
                stack.callback(give_back)
            permit = await self._admission.admit(
                origin.caller,
                self._expected(wanted),
                partial(_wait, request),
                self._streams.require_open,
            )
            stack.callback(permit.close)
            seconds = perf_counter() - received(request.scope) - permit.waited
            origin = replace(origin, seconds=seconds)
            ended = partial(self._ended, permit, give_back)
            stream = await self._streams.open(wanted, origin, ended)
            if stream.origin is origin:
                stack.pop_all()  # what was taken is given back when the stream ends
        return stream

    def _expected(self, wanted: GenerationRequest) -> Used:
        """What a stream will use of its caller's budgets. Nothing, if nobody has any."""
        settings = self._settings
        if not (settings.caller_tokens_per_day or settings.caller_usd_per_day):
            return Used()
        tokens = self._estimates.of(wanted)
        price = self._prices.get(wanted.model)
        return Used(tokens.all, price(tokens) if price else 0.0)

    def _ended(self, permit: Permit, give_back: Callable[[], None], stream: Stream) -> None:
        figures = stream.figures
        permit.settle(Used.of(figures))
        self._estimates.learn(stream.schema, figures)
        if stream.was_refused:
            give_back()

    def _reading(
        self,
        request: Request,
        options: Options,
        entry: SchemaEntry,
        ids: Mapping[str, str] | None = None,
    ) -> Reading:
        """How the client wants to read. Raises `NotAcceptable`, `InvalidRequest`.

        ids: the ids in the body that a front end has posted; others are made
        """
        spec = VIEWS[options.view]
        format = spec.format or negotiate(",".join(request.headers.getlist("accept")))
        if format is not None:
            _require(spec, entry)
        id, reasoning = request_id(request.scope), options.reasoning
        own = {name: str(uuid4()) for name in spec.ids} | dict(ids or {})
        return Reading(
            spec.name,
            lambda ids: spec.make(ViewContext(entry, id, ids, reasoning)),
            own,
            format,
            options.interval_ms / 1000,
            f"{spec.name} {options.reasoning}" if own.keys() == set(spec.ids) else None,
        )


def _nothing() -> None:
    """Gives back the use of a ticket where there is none."""


def _require(spec: ViewSpec, entry: SchemaEntry) -> None:
    """Raise `InvalidRequest` if a schema does not have a view."""
    if spec.requirement is not None and not spec.fits(entry):
        raise InvalidRequest(
            f"{entry.name} has no {spec.name} view.",
            errors=[{"path": "/view", "message": spec.requirement.meaning}],
        )


async def _wait(
    request: Request, awaited: asyncio.Future[Any], seconds: float | None = None
) -> None:
    """Wait for a slot, or for another call. Raises `ClientDisconnect` if the client leaves."""
    if not await while_there(request, awaited, seconds):
        raise ClientDisconnect


def _last_event_id(request: Request, options: Options) -> str | None:
    """The id to resume after; None for a call that does not resume.

    An empty header counts, too, because a call with this header must never begin a stream.
    """
    return request.headers.get("last-event-id", options.last_event_id or None)


def _key(request: Request, options: Options) -> str | None:
    """The idempotency key, from a POST's header or else the query. Raises `InvalidRequest`."""
    given = request.headers.getlist("idempotency-key") if request.method == "POST" else []
    if not given:
        return options.idempotency_key
    if len(given) > 1 or not re.fullmatch(IDEMPOTENCY_KEY, given[0]):
        raise InvalidRequest(
            "The Idempotency-Key is not valid.",
            errors=[{"path": "", "message": "must be 1 to 255 printable ASCII characters"}],
        )
    return given[0]


def _unknown(given: dict[str, str], validate: Callable[[Any], Parameters]) -> dict[str, str]:
    """The keys of a query that are no parameters. Other errors in it don't matter here."""
    try:
        validate(given)
    except ValidationError as error:
        keys = _unknown_keys(error)
        return {key: value for key, value in given.items() if key in keys}
    return {}


def _unknown_keys(error: ValidationError) -> set[str | int]:
    """The keys at the top of the input that the error calls unknown."""
    found = error.errors(include_url=False, include_input=False)
    locations = [each["loc"] for each in found if each["type"] == "extra_forbidden"]
    return {location[0] for location in locations if len(location) == 1}


def _elsewhere(unknown: Iterable[str | int]) -> str:
    """Which unknown keys of a body belong into the query: in a query they are known."""
    found = [name for name in Options.model_fields if name in set(unknown)]
    return f" What belongs into the query: {', '.join(found)}." if found else ""


def _parameters(
    entry: SchemaEntry,
    given: Any,
    validate: Callable[[Any], Parameters],
    beside: Iterable[str],
) -> Parameters:
    """The parameters in a body or a query. Raises `InvalidRequest`.

    beside: other keys that may stand there
    """
    try:
        return validate(given)
    except ValidationError as error:
        message = f"The parameters of {entry.name} are not valid."
        if unknown := _unknown_keys(error):
            properties = entry.parameters_json_schema["properties"]
            message += there_are(properties, map(str, unknown), beside)
            message += _elsewhere(unknown)
        raise invalid(message, error, entry.parameter_keys) from None
