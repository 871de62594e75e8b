"""The contestants. Each has a few lines, serves the same call and uses the same upstream.

A contestant answers `POST /{schema}?model={model}` with a stream of a value that `MODELS[schema]`
describes. It asks the OpenAI-compatible provider at `upstream`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from typing_extensions import TypedDict

from bench.documents import MODELS

SSE: Final = "text/event-stream"
MESSAGES: Final[list[Any]] = [{"role": "user", "content": "bench"}]


@dataclass(frozen=True)
class Contestant:
    """name: its name in tables. server: the function that makes its app. query: its options."""

    name: str
    server: str
    query: str = ""


def tutorial(upstream: str) -> Any:
    """The endpoint that tutorials show: FastAPI and Instructor's `create_partial`."""
    import instructor
    from fastapi import FastAPI
    from openai import AsyncOpenAI

    client = instructor.from_openai(AsyncOpenAI(base_url=upstream, api_key="none"))
    app = FastAPI(telemetry={"auto_configure": False})

    @app.post("/{schema}")
    async def stream(schema: str, model: str) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            partials = client.create_partial(
                response_model=MODELS[schema], model=model, messages=MESSAGES
            )
            async for partial in partials:
                yield f"data: {partial.model_dump_json()}\n\n"

        return StreamingResponse(events(), media_type=SSE)

    return app


def pydantic_ai(upstream: str) -> Any:
    """PydanticAI's agent with `stream_output`, as its documentation shows it."""
    from pydantic import TypeAdapter
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=upstream, api_key="none")
    outputs = {name: _loose(model) for name, model in MODELS.items() if name != "deep"}
    agents = {name: Agent(output_type=output) for name, output in outputs.items()}
    dumps = {name: TypeAdapter(output).dump_json for name, output in outputs.items()}

    async def stream(request: Request) -> Response:
        schema = request.path_params["schema"]
        model = OpenAIChatModel(request.query_params["model"], provider=provider)

        async def events() -> AsyncIterator[bytes]:
            async with agents[schema].run_stream("bench", model=model) as result:
                async for partial in result.stream_output():
                    yield b"data: " + dumps[schema](partial) + b"\n\n"

        return StreamingResponse(events(), media_type=SSE)

    return _app(stream)


def _loose(annotation: Any) -> Any:
    """A type as PydanticAI needs it for partial values: typed dicts without required keys."""
    if get_origin(annotation) is list:
        return list[_loose(get_args(annotation)[0])]  # type: ignore[misc]
    if not issubclass(annotation, BaseModel):
        return annotation
    fields = {name: _loose(info.annotation) for name, info in annotation.model_fields.items()}
    return TypedDict(annotation.__name__, fields, total=False)  # type: ignore[operator]


def bare_text(upstream: str) -> Any:
    """The OpenAI SDK; the model's text goes out as it comes, and nothing is parsed."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=upstream, api_key="none")

    async def stream(request: Request) -> Response:
        chunks: Any = await client.chat.completions.create(
            model=request.query_params["model"], messages=MESSAGES, stream=True
        )

        async def events() -> AsyncIterator[str]:
            async for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield f"data: {json.dumps(text)}\n\n"

        return StreamingResponse(events(), media_type=SSE)

    return _app(stream)


def proxy_httpx2(upstream: str) -> Any:
    """The provider's bytes, as they come, through httpx2."""
    import httpx2

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx2.AsyncClient(timeout=None, limits=limits)

    async def stream(request: Request) -> Response:
        asked = client.build_request("POST", f"{upstream}/chat/completions", json=_asked(request))
        response = await client.send(asked, stream=True)
        closing = BackgroundTask(response.aclose)
        return StreamingResponse(response.aiter_raw(), media_type=SSE, background=closing)

    return _app(stream)


def proxy_aiohttp(upstream: str) -> Any:
    """The provider's bytes, as they come, through aiohttp."""
    import aiohttp

    sessions: list[aiohttp.ClientSession] = []

    async def stream(request: Request) -> Response:
        if not sessions:
            connector = aiohttp.TCPConnector(limit=0)
            sessions.append(aiohttp.ClientSession(connector=connector))
        response = await sessions[0].post(f"{upstream}/chat/completions", json=_asked(request))
        closing = BackgroundTask(_release, response)
        return StreamingResponse(response.content.iter_any(), media_type=SSE, background=closing)

    return _app(stream)


async def _release(response: Any) -> None:
    response.release()


def _app(stream: Callable[[Request], Any]) -> Starlette:
    return Starlette(routes=[Route("/{schema}", stream, methods=["POST"])])


def _asked(request: Request) -> dict[str, Any]:
    return {
        "model": request.query_params["model"],
        "messages": MESSAGES,
        "stream": True,
        "tools": [{"type": "function", "function": {"name": "Result"}}],
    }


OURS: Final = [
    Contestant(f"ours, {view}", "ours", f"view={view}")
    for view in ("snapshot", "delta", "items", "text", "ui-message", "ag-ui")
]
"""Every view. The names are repeated here because the other contestants' servers import this file,
too, and the modules of the service would count as their memory."""
PACES: Final = [
    Contestant(f"ours, snapshot, interval_ms={interval}", "ours", f"interval_ms={interval}")
    for interval in (0, 200)
]
KEPT: Final = Contestant("ours, kept", "ours", "resumable=true")
CONTENT: Final = Contestant("ours, snapshot, JSON in content", "ours_content")
BASELINE: Final = Contestant("byte-for-byte proxy, httpx2", "proxy_httpx2")
PROXIES: Final = [BASELINE, Contestant("byte-for-byte proxy, aiohttp", "proxy_aiohttp")]
OTHERS: Final = [
    *PROXIES,
    Contestant("OpenAI SDK, bare text", "bare_text"),
    Contestant("Instructor's create_partial", "tutorial"),
    Contestant("PydanticAI", "pydantic_ai"),
]
ALL: Final = [*OURS, *PACES, CONTENT, *OTHERS]
