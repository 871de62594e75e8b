"""The demo model: OpenAI's chat completions and Anthropic's messages, without a key.

It answers any JSON Schema, token by token at a human pace, over real HTTP, to any client of
these APIs: inside the service (`DemoServer`), or as a server of its own (`serve_demo`).

    bytes ─ request.py ─▶ DemoRequest ─ answer.py ─▶ Play ─ play.py ─▶ bytes
                                          │ text.py, words.py, numbers.py, pattern.py:
                                          │ what is written
                                          │ notes.py: what it takes from a text
                                          │ spoil.py: what makes it wrong
                                          │ reasoning.py: what it thinks before
                                          │ refusals.py: what some models don't take
                                          └ chunks.py, messages.py: the API's form of it

messages_request.py reads a request for messages as one for a chat completion. replay.py plays
answers that were recorded, as models of their own.

A model's name may ask for a fault. All but `demo-silent`, `demo-drip`, the refusing ones and the
last four write a part of their answer first. Those that fail or refuse have no 200.

    demo-invalid         violates the schema, unless it is asked again
    demo-invalid-late    violates it after three quarters of a list, unless it is asked again
    demo-always-invalid  violates the schema
    demo-obedient        writes its instructions instead of an answer, or before the answer if
                         it is asked again
    demo-truncated       stops in the middle: finish reason `length`
    demo-truncated-list  stops after three elements of a list, until there are no more: `length`
    demo-refusal         refuses, in words
    demo-filtered        finish reason `content_filter`
    demo-stall           falls silent, and keeps the connection open
    demo-silent          sends headers, then nothing
    demo-drip            sends keep-alive comments and nothing else
    demo-blanks          writes blanks for ever
    demo-disconnect      breaks the connection
    demo-garbage         sends a chunk that can't be read
    demo-error           sends an error object of no known kind
    demo-overloaded      sends an error object that says so
    demo-no-tools, demo-no-forced-tool, demo-no-parallel-tool-calls, demo-no-strict,
    demo-no-json-schema, demo-no-references, demo-no-stream-options, demo-no-max-tokens
                         refuse a request that holds it, with a 400 or 422, and answer any other
    demo-thinks, demo-thinks-in-details, demo-thinks-in-parts, demo-thinks-in-tags
                         reason for some seconds, and answer without a fault: the reasoning is in
                         fields beside the text, in parts of the content, or in tags
    demo-429, demo-500, demo-401   fail with that status
    demo-down            fails with a 503; the service then asks `demo`
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.demo.answer import SECRET, answer, plays
from app.demo.chunks import Problem, problem
from app.demo.messages import messages_problem
from app.demo.messages_request import read_messages_request
from app.demo.play import PlayResponse, mute_on_purpose, quiet
from app.demo.refusals import refused
from app.demo.replay import Replays
from app.demo.request import BadRequest, DemoRequest, parsed, read_request

__all__ = ["FALLBACKS", "MODELS", "SECRET", "DemoServer", "create_demo_app", "serve_demo"]

refusals: Final[dict[str, tuple[int, str, dict[str, str]]]] = {
    "demo-429": (429, "rate_limit_exceeded", {"Retry-After": "1"}),
    "demo-500": (500, "server_error", {}),
    "demo-401": (401, "invalid_api_key", {}),
    "demo-down": (503, "service_unavailable", {}),
}

MODELS: Final[tuple[str, ...]] = (*plays, *refusals)
"""The names of the models. The first is the one without a fault."""

FALLBACKS: Final[dict[str, tuple[str, ...]]] = {"demo-down": ("demo",)}
"""The models that the service asks if one of these fails."""


Read = Callable[[bytes], DemoRequest]
Told = Callable[[Problem], dict[str, Any]]
"""A problem in the form of an API."""


def create_demo_app(tokens_per_second: float = 60, replays: Replays | None = None) -> Starlette:
    """The endpoint: `/v1/chat/completions`, `/v1/messages` and `/v1/models`.

    A pace of 0 means no pause.
    replays: models besides the demo's own, whose answers are recorded
    """
    mute_on_purpose()
    recorded = replays or Replays({})

    def answering(read: Read, told: Told) -> Callable[[Request], Awaitable[Response]]:
        async def complete(request: Request) -> Response:
            try:
                body = await request.body()
                if recorded.names and (given := parsed(body))["model"] in recorded.names:
                    return recorded.response(given)
                asked = read(body)
                if refusal := _refusal(asked, told):
                    return refusal
                play = answer(asked, int(time.time()))
            except ClientDisconnect:
                return Response(status_code=400)
            except BadRequest as error:
                wrong = problem(str(error), "invalid_request_error", None, error.param)
                return JSONResponse(told(wrong), 400)
            media_type = "text/event-stream" if asked.stream else "application/json"
            return PlayResponse(play, tokens_per_second, media_type)

        return complete

    chat = answering(read_request, lambda problem: problem)
    messages = answering(read_messages_request, messages_problem)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/messages", messages, methods=["POST"]),
            Route("/v1/models", _listing((*MODELS, *recorded.names)), methods=["GET"]),
        ]
    )


def _listing(names: Iterable[str]) -> Callable[[Request], Awaitable[Response]]:
    models = [{"id": m, "object": "model", "created": 0, "owned_by": "demo"} for m in names]

    async def list_models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": models})

    return list_models


def _refusal(asked: DemoRequest, told: Told) -> Response | None:
    """What is answered instead of a 200, if anything is."""
    if asked.model in refusals:
        status, code, headers = refusals[asked.model]
        message = f"This model always answers {status} (key {SECRET})."
        return JSONResponse(told(problem(message, code, code)), status, headers)
    if asked.model not in plays:
        message = f"The model '{asked.model[:100]}' does not exist."
        wrong = problem(message, "invalid_request_error", "model_not_found", "model")
        return JSONResponse(told(wrong), 404)
    if refusing := refused(asked.model, asked.asked):
        return JSONResponse(refusing.answer, refusing.status)
    return None


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Change nothing, because the service runs in the same process with the same loggers."""


class _Connection(HttpToolsProtocol):
    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the keep-alive timer, which uvicorn 0.54 leaves running after a reset.

        Until it ends, the timer keeps the connection's objects in memory.
        """
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Abort all connections, and wait until their tasks have ended.

        uvicorn's own shutdown waits until all answers have ended, but some faults never end. It
        also takes 0.2 s if nothing is running.
        """
        for listener in [*self.servers, *(sockets or ())]:
            listener.close()
        await asyncio.sleep(0)  # a socket that was just accepted becomes a connection now
        connections: Any = self.server_state.connections
        for connection in list(connections):
            connection.transport.abort()
        if self.server_state.tasks:
            _, running = await asyncio.wait(self.server_state.tasks, timeout=1)
            for task in running:
                task.cancel()


class _Announced(_Server):
    """Prints its message when it is ready. A signal that comes earlier would not end it cleanly."""

    def __init__(self, config: uvicorn.Config, message: str) -> None:
        super().__init__(config)
        self._message = message

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._message, flush=True)


class DemoServer:
    """The endpoint on a free port of 127.0.0.1, in the running event loop.

    Entering it as a context starts it, at `base_url`. Leaving it aborts what is still running
    and closes everything.
    """

    def __init__(self, tokens_per_second: float = 60, replays: Replays | None = None) -> None:
        config = _Config(
            create_demo_app(tokens_per_second, replays),
            http=_Connection,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level=None,
            access_log=False,
            proxy_headers=False,
            # No client keeps idle connections for longer. If the server closed one first, a
            # client could be sending a request on it at that moment.
            timeout_keep_alive=3600,
        )
        config.load()
        self._server = _Server(config)
        self._server.lifespan = config.lifespan_class(config)

    @property
    def base_url(self) -> str:
        """The base URL for an OpenAI client."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def running(self) -> int:
        """How many answers are being written."""
        return len(self._server.server_state.tasks)

    async def __aenter__(self) -> Self:
        # Only uvicorn's startup and shutdown are used, and not its main loop: that handles
        # signals, which the service does itself, and updates the `Date` header.
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._socket.getsockname()[1]
        with quiet():
            await self._server.startup(sockets=[self._socket])
        return self

    async def __aexit__(self, *raised: object) -> None:
        with quiet():
            await self._server.shutdown(sockets=[self._socket])


def serve_demo(
    host: str, port: int, tokens_per_second: float, replays: Replays | None = None
) -> None:
    """Print the base URL, and serve until a signal comes. Port 0 takes a free one.

    replays: models besides the demo's own, whose answers are recorded
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    config = uvicorn.Config(
        create_demo_app(tokens_per_second, replays),
        http=_Connection,
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
    )
    where = f"[{host}]" if ":" in host else host
    url = f"http://{where}:{listener.getsockname()[1]}/v1"
    with listener, contextlib.suppress(KeyboardInterrupt):
        _Announced(config, f"The demo model: base URL {url}").run(sockets=[listener])
