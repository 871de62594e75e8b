"""Puts the app together."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

import anyio.lowlevel
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app import __version__
from app.demo import FALLBACKS as DEMO_FALLBACKS
from app.demo import MODELS as DEMO_MODELS
from app.demo import DemoServer, Replays
from app.errors import Internal, ServiceError
from app.http.auth.authenticator import Authenticate, Authenticator
from app.http.auth.keys import KeysError
from app.http.auth.origins import Origins
from app.http.auth.ticket_uses import TicketUses
from app.http.context import HEADER, SERVED_BY, RequestContext
from app.http.cors import Cors
from app.http.endpoints.docs import mount_docs
from app.http.endpoints.openapi import add_openapi
from app.http.endpoints.playground import mount_playground
from app.http.endpoints.readiness import Readiness
from app.http.endpoints.routes import add_routes
from app.http.endpoints.streams import StreamEndpoints
from app.http.endpoints.tickets import TicketEndpoint
from app.http.openapi import openapi
from app.http.problem import on_http_exception, on_service_error, problem
from app.http.server.signals import draining_at_signals
from app.http.traces import RequestSpans
from app.limits.admission import Admission
from app.providers.base import Provider
from app.providers.base_url import split
from app.providers.factory import REQUESTS
from app.providers.model_settings import ModelSettings
from app.providers.models import Models
from app.providers.models_file import ModelsError, read
from app.providers.pricing import PriceList, price_list
from app.recordings.models import recorded_models
from app.recordings.recorder import Recorder
from app.recordings.recording import Recording, RecordingError
from app.redis.address import addresses
from app.schemas.registry import Registry, SchemaError, load
from app.settings import Settings, variable
from app.store.sharing import Sharing
from app.store.streams import SharedStreams
from app.streams.circuits import Circuits
from app.streams.memory_store import MemoryStore
from app.streams.producer import ProducerSettings
from app.streams.registry import Streams
from app.streams.request import Limits
from app.streams.stream import Stream
from app.telemetry.metrics import Telemetry
from app.telemetry.sharing import SharingTelemetry
from app.telemetry.traces import TracesError, sending_the_last, start_sending
from app.telemetry.worker_counts import shared_counts

FAULTS = (SchemaError, KeysError, ModelsError, TracesError, RecordingError)
"""What keeps the service from starting. The message says what to do."""

Recorded = Callable[[Stream], AbstractContextManager[None]]
"""Records a stream while the context lasts."""

CORS_METHODS = ["GET", "POST", "DELETE"]
CORS_REQUEST_HEADERS = [
    "Content-Type",
    "Authorization",
    "X-API-Key",
    "Idempotency-Key",
    "Last-Event-ID",
]
CORS_RESPONSE_HEADERS = [HEADER, "Location", "Retry-After"]


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording that is served instead of the models of the settings.

    pace: how many times as fast as recorded; 0 sends all at once
    """

    recording: Recording
    pace: float = 1


def create_app(
    settings: Settings,
    *,
    registry: Registry | None = None,
    provider: Provider | None = None,
    replay: Replay | None = None,
    authenticate: Authenticate | None = None,
    drain_at_signals: bool = False,
    head: str = "",
) -> FastAPI:
    """The service.

    registry: None loads the schemas in the folders that the settings name
    provider: None uses that of the settings, or the demo model if they name none
    replay: is asked instead of a provider
    authenticate: knows the callers, in place of keys and tickets
    drain_at_signals: whether signals to the process end the streams in time (`signals.py`), where
        no server of ours does that
    head: more lines for the head of the page at `/`

    `app.state` has `streams`, `schemas` (their versions by name), `keys` (the callers' keys),
    `tickets`, `ticket_uses`, `admission`, `telemetry`, and `lifespan`, which an app in which this
    one is mounted has to run.
    Raises one of `FAULTS`, and `ValueError` for keys or `CALLER_METRICS` beside `authenticate`.
    """
    if authenticate is not None and not settings.open:
        raise ValueError("authenticate takes the place of keys: unset API_KEYS and API_KEYS_FILE")
    if authenticate is not None and settings.caller_metrics:
        raise ValueError(
            "each caller that authenticate knows would be a series: unset CALLER_METRICS"
        )
    described = recorded_models(replay.recording) if replay else models(settings)
    names = tuple(model.name for model in described)
    if settings.traces:
        start_sending()
    registry = registry or load(*settings.schemas)
    registry.require_models(names)
    if replay and replay.recording.schema not in registry.names:
        raise RecordingError(f"its schema {replay.recording.schema!r} is none of SCHEMAS")
    if provider is None:
        _prepare(registry, described)
    telemetry = Telemetry(shared_counts(), by_caller=settings.caller_metrics)
    prices = prices_of(settings, described)
    process = secrets.token_hex(4)
    admission = Admission(settings, telemetry, process)
    streams = streams_of(settings, telemetry, described, prices, registry, admission, process)
    _sample(telemetry, streams, admission)
    for entry in registry:
        telemetry.instruments.schema_info.labels(entry.name, entry.version).set(1)
    authenticator = Authenticator(settings, authenticate)
    ticket_uses = TicketUses(admission.quota.store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # anyio imports its backend at its first call. If that came later, when the process has no
        # file descriptor left, the import would fail.
        await anyio.lowlevel.checkpoint()
        async with AsyncExitStack() as stack:
            if settings.traces:
                await stack.enter_async_context(sending_the_last())
            stack.enter_context(telemetry.watching())
            streams.provider = provider or await open_provider(settings, described, replay, stack)
            stack.push_async_callback(admission.aclose)
            stack.push_async_callback(ticket_uses.aclose)
            stack.push_async_callback(streams.aclose)
            await streams.start()
            stack.push_async_callback(streams.stop)
            if drain_at_signals:
                stack.enter_context(draining_at_signals(streams, settings.drain_seconds))
            yield

    app = FastAPI(
        title="Structured Streams",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Its own span would last as long as a stream, and hold a topic or a ticket.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.lifespan = lifespan
    app.state.streams = streams
    app.state.telemetry = telemetry
    app.state.admission = admission
    app.state.tickets = authenticator.tickets
    app.state.ticket_uses = ticket_uses
    app.state.keys = authenticator.keys
    app.state.schemas = {entry.name: entry.version for entry in registry}
    app.add_exception_handler(ServiceError, on_service_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    stream_endpoints = StreamEndpoints(
        registry,
        streams,
        settings,
        names,
        admission,
        ticket_uses,
        telemetry,
        prices,
    )
    ticket_endpoint = None
    if authenticate is None:
        ticket_endpoint = TicketEndpoint(authenticator.tickets, registry, settings.max_body_bytes)
    readiness = Readiness(streams, admission.quota)
    add_routes(app, authenticator, stream_endpoints, ticket_endpoint, readiness, telemetry)
    _describe(app, registry, names, settings, tickets=authenticate is None)
    mount_docs(app)
    mount_playground(app, head)
    _add_middleware(app, settings, authenticator.origins, process if settings.streams_store else "")
    return app


def _sample(telemetry: Telemetry, streams: Streams, admission: Admission) -> None:
    """Let the gauges follow what they measure."""
    of = telemetry.instruments
    telemetry.sample(of.readers, lambda: streams.readers)
    telemetry.sample(of.kept_streams, lambda: streams.kept.streams)
    telemetry.sample(of.kept_bytes, lambda: streams.kept.bytes)
    telemetry.sample(of.slots, lambda: admission.slots.taken)
    telemetry.sample(of.waiting, lambda: admission.slots.waiting)


def prices_of(settings: Settings, described: Sequence[ModelSettings]) -> PriceList:
    """The prices that are known. Raises `ModelsError` if callers have a budget and one is not."""
    known = {} if settings.demo else price_list(described)
    unknown = [model.name for model in described if model.name not in known]
    if settings.caller_usd_per_day and unknown:
        raise ModelsError(
            "CALLER_USD_PER_DAY: expected the prices of each model, as MODELS_FILE may tell them; "
            f"not known are those of {', '.join(unknown)}"
        )
    return known


def models(settings: Settings) -> tuple[ModelSettings, ...]:
    """The models that a request may choose from, the default one first. Raises `ModelsError`."""
    if settings.models_file is None:
        offered = tuple(_of_one_provider(settings, name) for name in _names(settings))
        return _with_fallbacks(offered) if settings.demo else offered
    found = read(settings.models_file, variable, settings.connect_timeout)
    first = [model for model in found if model.name == settings.model]
    if settings.model and not first:
        raise ModelsError(f"MODEL: expected one of {', '.join(model.name for model in found)}")
    return (*first, *(model for model in found if model not in first))


def _names(settings: Settings) -> tuple[str, ...]:
    if settings.demo and not settings.models:
        first = (settings.model,) if settings.model in DEMO_MODELS else ()
        return tuple(dict.fromkeys((*first, *DEMO_MODELS)))
    return settings.offered


def _with_fallbacks(models: tuple[ModelSettings, ...]) -> tuple[ModelSettings, ...]:
    """The demo's models with their fallbacks, as far as these are offered."""
    names = [model.name for model in models]

    def offered(name: str) -> tuple[str, ...]:
        return tuple(other for other in DEMO_FALLBACKS.get(name, ()) if other in names)

    return tuple(replace(model, fallbacks=offered(model.name)) for model in models)


def _of_one_provider(settings: Settings, name: str) -> ModelSettings:
    place = split(settings.openai_base_url)
    key = settings.openai_api_key
    return ModelSettings(
        name=name,
        model=name,
        base_url=place.url,
        api_key=key,
        mode=settings.instructor_mode,
        max_tokens_field=settings.max_tokens_field,
        dialect=settings.schema_dialect,
        examples=settings.schema_examples,
        options=settings.extra_body,
        headers=({} if key else place.headers) | settings.extra_headers,
        query=place.query,
        connect_timeout=settings.connect_timeout,
    )


def _prepare(registry: Registry, described: Sequence[ModelSettings]) -> None:
    """Make what requests have in common, before there are any. Raises `SchemaError`."""
    asked = {
        (model.provider, model.mode, model.dialect, model.examples): model for model in described
    }
    for entry in registry:
        for model in asked.values():
            try:
                REQUESTS[model.provider](model).prepare(entry.response_models)
            except Exception as error:
                reason = f"a model can't be asked for its result: {type(error).__name__}: {error}"
                raise SchemaError(entry.file, reason) from error


def streams_of(
    settings: Settings,
    telemetry: Telemetry,
    described: Iterable[ModelSettings] = (),
    prices: PriceList | None = None,
    registry: Registry | None = None,
    admission: Admission | None = None,
    process: str = "",
) -> Streams:
    """The streams of a process, by its settings. Their provider is set later, at the start.

    described: the models that a request may choose from
    prices: what their tokens cost, where that is known
    registry, admission, process: what is needed where processes share their streams
    """
    described = tuple(described)
    producing = ProducerSettings(
        attempts=settings.max_attempts,
        keep_elements=settings.keep_elements,
        output_bytes=settings.max_output_bytes,
        opening=settings.open_timeout,
        limits=Limits(
            settings.first_content_timeout, settings.content_gap_timeout, settings.total_timeout
        ),
        models={model.name: model for model in described},
        capture_content=settings.capture_content,
        recording=_recording(settings.record, described),
        prices=prices or {},
    )
    circuits = Circuits(settings.circuit_failures, settings.circuit_seconds, telemetry.circuit)
    memory = MemoryStore(retention=settings.retention_seconds, capacity=settings.retained_bytes)
    grace = settings.resume_grace_seconds
    if settings.streams_store is None or registry is None or admission is None:
        return Streams(producing, circuits, memory, telemetry, grace=grace)
    sharing = Sharing(
        process=process,
        addresses=addresses(settings.streams_store.get_secret_value()),
        retention=settings.retention_seconds,
        schema=registry.get,
        room=admission.take_over,
        keeps_requests=settings.store_requests,
        goes_on_alone=settings.store_down == "local",
    )
    watcher = SharingTelemetry(telemetry.instruments)
    return SharedStreams(
        producing, circuits, memory, telemetry, grace=grace, sharing=sharing, watcher=watcher
    )


def _recording(folder: str | None, described: Iterable[ModelSettings]) -> Recorded:
    if folder is None:
        return lambda stream: nullcontext()
    try:
        return Recorder(folder, described).recording
    except OSError as error:
        raise RecordingError(f"RECORD: can't write into {folder}: {error.strerror}") from None


async def open_provider(
    settings: Settings,
    described: Sequence[ModelSettings],
    replay: Replay | None,
    stack: AsyncExitStack,
) -> Provider:
    """What is asked: the providers of these models, or the demo model. The stack closes it."""
    if settings.demo or replay:
        replays = Replays.of(replay.recording, replay.pace) if replay else None
        server = DemoServer(settings.demo_tokens_per_second, replays)
        demo = await stack.enter_async_context(server)
        described = [replace(model, base_url=demo.base_url) for model in described]
    provider = Models(described)
    stack.push_async_callback(provider.aclose)
    return provider


def _describe(
    app: FastAPI,
    registry: Registry,
    names: tuple[str, ...],
    settings: Settings,
    *,
    tickets: bool,
) -> None:
    keyed = not settings.open
    document = partial(openapi, registry, names, version=__version__, keyed=keyed, tickets=tickets)
    app.openapi = partial(document, root_path=settings.root_path)  # type: ignore[method-assign]
    add_openapi(app, "/openapi.json", lambda prefix: document(root_path=prefix))
    add_openapi(
        app, "/openapi-3.2.json", lambda prefix: document(root_path=prefix, item_schemas=True)
    )


def _add_middleware(app: FastAPI, settings: Settings, origins: Origins, process: str) -> None:
    app.add_middleware(RequestContext, root_path=settings.root_path, fault=_fault, process=process)
    app.add_middleware(
        Cors,
        origins=origins,
        allow_origins=settings.cors_origins,
        allow_credentials=settings.cors_credentials,
        allow_methods=CORS_METHODS,
        allow_headers=CORS_REQUEST_HEADERS,
        expose_headers=[*CORS_RESPONSE_HEADERS, *([SERVED_BY] if process else [])],
    )
    app.add_middleware(RequestSpans)  # the outermost, so that each line of the log has the trace


def _fault(request_id: str) -> ASGIApp:
    return problem(Internal(), request_id)
