"""`python -m app`: the service, and the commands beside it.

python -m app          the service
python -m app demo     the demo model as a server of its own
python -m app schemas  what schemas there are
python -m app types    TypeScript of the schemas
"""

from __future__ import annotations

import asyncio
import gc
import sys
from functools import partial
from typing import Annotated, NoReturn

import structlog
import typer
import uvloop
from pydantic import ValidationError

from app.http.server import server
from app.main import create_app
from app.providers.demo import serve_demo
from app.registry import SchemaError, load
from app.settings import Settings, describe
from app.telemetry import configure_logging
from app.terminal.schemas import print_schemas
from app.typescript import GeneratorError, typescript

cli = typer.Typer(
    add_completion=False, help="Typed LLM answers that arrive while they are being written."
)


@cli.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Serve, as the environment says (see the README's table of settings)."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    configure_logging(settings.log_format, settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except SchemaError as error:
        _stop(str(error))
    gc.freeze()  # else the interpreter's last collection takes a third of the second that we have


@cli.command()
def demo(
    host: str = "127.0.0.1",
    port: int = 9000,
    tokens_per_second: Annotated[float, typer.Option(min=0)] = 60,
) -> None:
    """Serve the demo model: an OpenAI-compatible endpoint that needs no key."""
    try:
        serve_demo(host, port, tokens_per_second)
    except OSError as error:
        _stop(f"can't listen on {host}, port {port}: {error.strerror}")


@cli.command()
def schemas() -> None:
    """List the schemas: what they give, what they take, how they can be viewed."""
    try:
        print_schemas(load())
    except SchemaError as error:
        _stop(str(error))


@cli.command()
def types() -> None:
    """Print TypeScript for every schema's parameters, result and partial."""
    try:
        print(typescript(load()), end="")
    except (SchemaError, GeneratorError) as error:
        _stop(str(error))


async def _serve(settings: Settings) -> None:
    app = create_app(settings)
    await server(app, settings, partial(_welcome, settings, app.state.schemas)).serve()


def _welcome(settings: Settings, schemas: tuple[str, ...], url: str) -> None:
    url += settings.root_path
    message = f"serving on {url}/"
    if settings.demo and schemas:
        name = "ideas" if "ideas" in schemas else schemas[0]
        message = (
            f"no OPENAI_API_KEY and no OPENAI_BASE_URL, so the demo model answers: open {url}/ "
            f"or try curl -N '{url}/{name}?topic=healthy+snacks'"
        )
    structlog.get_logger("service").info(message)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        _stop("\n".join(describe(error)))


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    cli()
