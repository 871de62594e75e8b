"""The commands: `python -m app` serves.

`python -m app dev` follows the schemas' files while they are written. `python -m app demo`: the
demo model as a server of its own. `python -m app key NAME`: an API key. The others are in
`app/terminal/commands.py`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
from functools import partial
from typing import Annotated, Any, NoReturn

import structlog
import typer
import uvloop
from pydantic import ValidationError

from app.demo import serve_demo
from app.http.auth.keys import KeysError, make_key
from app.http.server.reloading import Reloading
from app.http.server.server import server, settle
from app.http.server.workers import serve_workers
from app.main import create_app
from app.providers.models_file import ModelsError
from app.schemas.registry import SchemaError
from app.settings import CALLER, Settings, describe
from app.telemetry.logs import configure_logging
from app.terminal.commands import COMMANDS

cli = typer.Typer(
    add_completion=False, help="Typed LLM answers that arrive while they are being written."
)
for command in COMMANDS:
    cli.command()(command)


@cli.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Serve, as the environment says (see the README's table of settings)."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    configure_logging(settings.log_format, settings.log_level)
    try:
        if settings.workers > 1:
            app = create_app(settings)  # a broken schema or key file is reported once, here
            serve_workers(settings, partial(_welcome, settings, app), create_app)
            return
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except (SchemaError, KeysError, ModelsError) as error:
        _stop(str(error))
    _drop_unwritten()
    gc.freeze()  # without it the collection at exit takes a third of the second that is left


@cli.command()
def dev() -> None:
    """Serve, and follow the files of the schemas: a change is served at once, and by the page."""
    settings = _settings()
    configure_logging(settings.log_format, settings.log_level)
    if settings.workers > 1:
        _stop("WORKERS: files are followed in one process")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_follow(settings))
    except (SchemaError, KeysError, ModelsError) as error:
        _stop(str(error))


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
def key(name: str) -> None:
    """Make an API key for a caller, and print it. It can't be printed again."""
    if not re.fullmatch(CALLER, name):
        raise typer.BadParameter("1 to 64 letters, digits, dots, underscores and hyphens")
    key, pair = make_key(name)
    print(f"The key, for {name} alone: {key}")
    print(f"For API_KEYS, or a line of API_KEYS_FILE: {pair}")


async def _serve(settings: Settings) -> None:
    app = create_app(settings)
    await server(app, settings, partial(_welcome, settings, app)).serve()


async def _follow(settings: Settings) -> None:
    reloading = Reloading(settings, create_app)

    def welcome(url: str) -> None:
        words = _try_it(settings, url, reloading.names)
        structlog.get_logger("service").info(f"following the schemas' files: {words}")

    await server(reloading.app, settings, welcome, reloading.drain).serve()


def _welcome(settings: Settings, app: Any, url: str) -> None:
    settle()
    schemas: tuple[str, ...] = app.state.schemas
    message = f"serving on {url}{settings.root_path}/, {_to_whom(settings, len(app.state.keys))}"
    if settings.workers > 1:
        message += (
            f", in {settings.workers} processes: as each keeps its own streams, resumable, "
            "Idempotency-Key and /streams/… are refused"
        )
    if settings.demo and schemas:
        message += "; no OPENAI_API_KEY and no OPENAI_BASE_URL, so the demo model answers: "
        message += _try_it(settings, url, schemas)
    log = structlog.get_logger("service")
    exposed = settings.open and not settings.on_loopback
    (log.warning if exposed else log.info)(message)


def _try_it(settings: Settings, url: str, schemas: tuple[str, ...]) -> str:
    """What to do with a service that has just begun."""
    url += settings.root_path
    name = "ideas" if "ideas" in schemas else next(iter(schemas), "…")
    key = "" if settings.open else " -H 'X-API-Key: …'"
    return f"open {url}/ or try curl -N '{url}/{name}?topic=healthy+snacks'{key}"


def _to_whom(settings: Settings, callers: int) -> str:
    if not settings.open:
        return f"to those who have a key of {callers} {'caller' if callers == 1 else 'callers'}"
    if settings.on_loopback:
        return "open to all on this machine (no API_KEYS)"
    return "OPEN TO EVERYONE who reaches it, at your cost (no API_KEYS)"


def _drop_unwritten() -> None:
    """Drop log lines that a full disk did not take: for these, Python would exit with 120."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        _stop("\n".join(describe(error)))


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)
