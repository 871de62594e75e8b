"""A contestant's server: one process on a free port, whose address it prints.

python -m bench.serve proxy_httpx2 http://127.0.0.1:9000
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import uvicorn
import uvloop
from pydantic import Field

from bench import answers, contestants
from bench.documents import MODELS


def registry() -> Any:
    """The bench's schemas. A model with a single list of objects becomes a list result."""
    from app.schema import Parameters, Prompt, Schema
    from app.schemas.entry import SchemaEntry
    from app.schemas.registry import Registry

    class BenchParameters(Parameters):
        count: Annotated[int, Field(ge=1, le=320)] = 320

    def entry(name: str) -> SchemaEntry:
        model = MODELS[name]
        items = model.model_fields.get("items")
        schema = Schema(
            description=model.__doc__ or name,
            result=items.annotation if items else model,
            parameters=BenchParameters,
            prompt=lambda p: Prompt(system="bench", user=p.topic),
        )
        return SchemaEntry(name, Path(__file__), schema)

    return Registry(map(entry, MODELS))


def large_registry() -> Any:
    """The schemas of large answers: objects that have one, and lists of such objects."""
    from app.schema import Parameters, Prompt, Schema
    from app.schemas.entry import SchemaEntry
    from app.schemas.registry import Registry

    class LargeParameters(Parameters):
        count: Annotated[int, Field(ge=1, le=answers.ELEMENTS)] = answers.ELEMENTS

    def entry(name: str, result: Any) -> SchemaEntry:
        schema = Schema(
            description=name,
            result=result,
            parameters=LargeParameters,
            prompt=lambda p: Prompt(system="bench", user=p.topic),
        )
        return SchemaEntry(name, Path(__file__), schema)

    members = [entry(shape, answers.model(shape)) for shape in answers.SHAPES]
    lists = [entry(f"list_of_{shape}", list[answers.model(shape)]) for shape in answers.SHAPES]  # type: ignore[misc]
    return Registry([*members, *lists])


def create_bench_app(settings: Any) -> Any:
    """The service with the bench's schemas."""
    from app.main import create_app

    return create_app(settings, registry=registry())


def create_large_app(settings: Any) -> Any:
    """The service with the schemas of large answers."""
    from app.main import create_app

    return create_app(settings, registry=large_registry())


def ours(upstream: str, models: str, mode: str, create_app: Callable[[Any], Any]) -> None:
    """The service with default settings, except for the upstream and without a limit of streams."""
    from app.settings import Settings
    from app.telemetry.logs import configure_logging

    os.environ |= {  # worker processes read the environment, too
        # No limit, as the bench searches for the capacity, unless it measures what the limit does.
        "MAX_STREAMS": os.environ.get("MAX_STREAMS", "100000"),
        "PORT": "0",
        "OPENAI_BASE_URL": upstream,
        "MODELS": models,
        "INSTRUCTOR_MODE": mode,
    }
    settings = Settings()
    configure_logging(settings.log_format, settings.log_level)
    if settings.workers > 1:
        from app.http.server.workers import serve_workers

        serve_workers(settings, say, create_app)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(alone(settings, create_app))
        gc.freeze()  # as `python -m app` does


async def alone(settings: Any, create_app: Callable[[Any], Any]) -> None:
    from app.http.server.server import server, settle

    def on_start(url: str) -> None:
        settle()  # as `python -m app` does
        say(url)

    await server(create_app(settings), settings, on_start).serve()


def say(url: str) -> None:
    print(url, flush=True)


def other(name: str, upstream: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    app = getattr(contestants, name)(upstream)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", log_config=None, access_log=False)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def main(name: str, upstream: str, models: str) -> None:
    if name.startswith("ours"):
        mode = "json_schema" if name == "ours_content" else "tools"
        ours(upstream, models, mode, create_large_app if name == "ours_large" else create_bench_app)
    else:
        other(name, upstream)


if __name__ == "__main__":
    main(*sys.argv[1:])
