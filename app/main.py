"""Puts the app together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

import anyio.lowlevel
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app import __version__
from app.demo import FALLBACKS as DEMO_FALLBACKS
from app.demo import MODELS as DEMO_MODELS
from app.demo import DemoServer
from app.errors import Internal, ServiceError
from app.http.auth.authenticator import Authenticate, Authenticator
from app.http.context import HEADER, RequestContext
from app.http.cors import Cors
from app.http.endpoints.docs import mount_docs
from app.http.endpoints.openapi import add_openapi
from app.http.endpoints.playground import mount_playground
from app.http.endpoints.routes import add_routes
from app.http.endpoints.streams import StreamEndpoints
from app.http.endpoints.tickets import TicketEndpoint
from app.http.openapi import openapi
from app.http.problem import on_http_exception, on_service_error, problem
from app.http.server.signals import draining_at_signals
from app.limits.admission import Admission
from app.providers.base import Provider
from app.providers.base_url import split
from app.providers.factory import REQUESTS
from app.providers.model_settings import ModelSettings
from app.providers.models import Models
from app.providers.models_file import ModelsError, read
from app.schemas.registry import Registry, SchemaError, load
from app.settings import Settings, variable
from app.streams.circuits import Circuits
from app.streams.memory_store import MemoryStore
from app.streams.producer import ProducerSettings
from app.streams.registry import Streams
from app.streams.request import Limits
from app.telemetry.metrics import Telemetry

CORS_METHODS = ["GET", "POST", "DELETE"]
CORS_REQUEST_HEADERS = [
    "Content-Type",
    "Authorization",
    "X-API-Key",
    "Idempotency-Key",
    "Last-Event-ID",
]
CORS_RESPONSE_HEADERS = [HEADER, "Location", "Retry-After"]


def create_app(
    settings: Settings,
    *,
    registry: Registry | None = None,
    provider: Provider | None = None,
    authenticate: Authenticate | None = None,
    drain_at_signals: bool = False,
    head: str = "",
) -> FastAPI:
    """The service.

    registry: None loads the schemas in the folders that the settings name
    provider: None uses that of the settings, or the demo model if they name none
    authenticate: knows the callers, in place of keys and tickets
    drain_at_signals: whether signals to the process end the streams in time (`signals.py`), where
        no server of ours does that
    head: more lines for the head of the page at `/`

    `app.state` has `streams`, `schemas` (their names), `keys` (the callers' keys), `admission`, and
    `lifespan`, which an app in which this one is mounted has to run.
    Raises `SchemaError`, `KeysError`, `ModelsError`, and `ValueError` for keys beside
    `authenticate`.
    """
    if authenticate is not None and not settings.open:
        raise ValueError("authenticate takes the place of keys: unset API_KEYS and API_KEYS_FILE")
    described = models(settings)
    names = tuple(model.name for model in described)
    registry = registry or load(*settings.schemas)
    registry.require_models(names)
    if provider is None:
        _prepare(registry, described)
    telemetry = Telemetry()
    streams = streams_of(settings, telemetry, described)
    admission = Admission(settings)
    authenticator = Authenticator(settings, authenticate)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # anyio imports its backend at its first call. If that came later, when the process has no
        # file descriptor left, the import would fail.
        await anyio.lowlevel.checkpoint()
        async with AsyncExitStack() as stack:
            stack.enter_context(telemetry.watching())
            streams.provider = provider or await _open_provider(settings, described, stack)
            stack.push_async_callback(admission.aclose)
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
        telemetry={"auto_configure": False},
    )
    app.state.lifespan = lifespan
    app.state.streams = streams
    app.state.admission = admission
    app.state.keys = authenticator.keys
    app.state.schemas = registry.names
    app.add_exception_handler(ServiceError, on_service_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    stream_endpoints = StreamEndpoints(
        registry, streams, settings, names, admission, authenticator.tickets
    )
    ticket_endpoint = None
    if authenticate is None:
        ticket_endpoint = TicketEndpoint(authenticator.tickets, registry, settings.max_body_bytes)
    add_routes(app, authenticator, stream_endpoints, ticket_endpoint, streams, telemetry)
    _describe(app, registry, names, settings, tickets=authenticate is None)
    mount_docs(app)
    mount_playground(app, head)
    _add_middleware(app, settings)
    return app


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
    settings: Settings, telemetry: Telemetry, described: Iterable[ModelSettings] = ()
) -> Streams:
    """The streams of a process, by its settings. Their provider is set later, at the start.

    described: the models that a request may choose from
    """
    producing = ProducerSettings(
        attempts=settings.max_attempts,
        keep_elements=settings.keep_elements,
        output_bytes=settings.max_output_bytes,
        opening=settings.open_timeout,
        limits=Limits(
            settings.first_content_timeout, settings.content_gap_timeout, settings.total_timeout
        ),
        models={model.name: model for model in described},
    )
    circuits = Circuits(settings.circuit_failures, settings.circuit_seconds, telemetry.circuit)
    store = MemoryStore(retention=settings.retention_seconds, capacity=settings.retained_bytes)
    return Streams(producing, circuits, store, telemetry, grace=settings.resume_grace_seconds)


async def _open_provider(
    settings: Settings, described: Sequence[ModelSettings], stack: AsyncExitStack
) -> Provider:
    if settings.demo:
        demo = await stack.enter_async_context(DemoServer(settings.demo_tokens_per_second))
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


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    app.add_middleware(RequestContext, root_path=settings.root_path, fault=_fault)
    app.add_middleware(
        Cors,
        allow_origins=settings.cors_origins,
        allow_credentials=settings.cors_credentials,
        allow_methods=CORS_METHODS,
        allow_headers=CORS_REQUEST_HEADERS,
        expose_headers=CORS_RESPONSE_HEADERS,
    )


def _fault(request_id: str) -> ASGIApp:
    return problem(Internal(), request_id)
