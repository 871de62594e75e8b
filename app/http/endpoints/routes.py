"""All paths of the service."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from app.errors import (
    Forbidden,
    NotFound,
    Overloaded,
    RateLimited,
    Unauthorized,
    UnknownSchema,
)
from app.http.auth.authenticator import Authenticator
from app.http.context import path_within, request_id
from app.http.endpoints.fixed_json import FixedJson
from app.http.endpoints.readiness import Readiness
from app.http.endpoints.streams import StreamEndpoints
from app.http.endpoints.tickets import TicketEndpoint
from app.http.problem import problem
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.schemas.registry import Registry
from app.telemetry.metrics import Telemetry
from app.views.specs import views_of

PROBES = ["GET", "HEAD"]
"""The methods that load balancers use. Many of them send `HEAD`, as they want no body."""

Endpoint = Callable[[Request], Awaitable[Response]]

_name_alone = re.compile(r"/([^/.]+)")


def add_routes(
    app: FastAPI,
    authenticator: Authenticator,
    stream_endpoints: StreamEndpoints,
    ticket_endpoint: TicketEndpoint | None,
    readiness: Readiness,
    telemetry: Telemetry,
) -> None:
    """Give the app its paths. `app/http/openapi` describes them, not FastAPI.

    ticket_endpoint: None if there are no tickets
    """
    registry = stream_endpoints.registry

    def add(path: str, endpoint: Endpoint, *methods: str) -> None:
        app.add_api_route(
            path,
            _guarded(authenticator, endpoint, telemetry),
            methods=list(methods),
            include_in_schema=False,
        )

    for entry in registry:
        add(f"/{entry.name}", stream_endpoints.endpoint(entry), "GET", "POST")
    add("/streams", stream_endpoints.post_any, "POST")
    add("/streams/{id}", stream_endpoints.one, "GET", "DELETE")
    add("/streams/{id}/cancel", stream_endpoints.cancel, "POST")
    if ticket_endpoint is not None:
        add("/tickets", ticket_endpoint.issue, "POST")
    _add_schemas(app, registry, stream_endpoints.models)
    _add_health(app, readiness, telemetry)
    app.add_exception_handler(404, _unknown_path(registry))


def _guarded(authenticator: Authenticator, endpoint: Endpoint, telemetry: Telemetry) -> Endpoint:
    """An endpoint that is called only if the authenticator lets the request pass.

    Calls that the authenticator or a limit refuses are counted.
    """

    async def guarded(request: Request) -> Response:
        try:
            await authenticator.enter(request)
            return await endpoint(request)
        except (Unauthorized, Forbidden, RateLimited, Overloaded) as error:
            telemetry.refused(error)
            raise

    return guarded


def _add_schemas(app: FastAPI, registry: Registry, models: Sequence[str]) -> None:
    every = FixedJson({"schemas": [_summary(entry, models) for entry in registry]})
    each = {entry.name: FixedJson(_description(entry, models)) for entry in registry}

    @app.get("/schemas", include_in_schema=False)
    async def schemas(request: Request) -> Response:
        return every.response(request)

    @app.get("/schemas/{name}", include_in_schema=False)
    async def schema(request: Request, name: str) -> Response:
        return each[registry.get(name).name].response(request)


def _add_health(app: FastAPI, readiness: Readiness, telemetry: Telemetry) -> None:
    @app.api_route("/healthz", methods=PROBES, include_in_schema=False)
    async def healthz() -> Response:
        return _json({"status": "ok"})

    @app.api_route("/readyz", methods=PROBES, include_in_schema=False)
    async def readyz() -> Response:
        return _json({"status": "ready", "parts": readiness.parts})

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(telemetry.exposition(), media_type=telemetry.media_type)


def _summary(entry: SchemaEntry, models: Sequence[str]) -> dict[str, Any]:
    return {
        "name": entry.name,
        "description": entry.schema.description,
        "model": entry.default_model(models),
        "views": views_of(entry),
    }


def _description(entry: SchemaEntry, models: Sequence[str]) -> dict[str, Any]:
    return {
        "name": entry.name,
        "description": entry.schema.description,
        "model": entry.default_model(models),
        "version": entry.version,
        "parameters": entry.parameters_json_schema,
        "result": entry.result_json_schema,
        "partial": entry.partial_json_schema,
    }


def _json(value: Any) -> Response:
    return Response(dumps(value), media_type="application/json")


def _unknown_path(registry: Registry) -> Any:
    """The 404 handler. If the path could be a schema's name, the message lists the names."""

    async def handler(request: Request, error: Exception) -> Response:
        found = NotFound()
        if name := _name_alone.fullmatch(path_within(request.scope)):
            try:
                registry.get(name[1])
            except UnknownSchema as unknown:
                found = unknown
        return problem(found, request_id(request.scope))

    return handler
