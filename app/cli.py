"""The commands: `python -m app` serves.

`python -m app dev` follows the schemas' files while they are written. `python -m app demo`: the
demo model as a server of its own. `python -m app replay FILE`: the service with a recording as its
model. `python -m app key NAME`: an API key. The others are in `app/terminal/commands.py`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer
import uvloop
from pydantic import ValidationError

from app import __version__
from app.demo import Replays, serve_demo
from app.http.auth.keys import make_key
from app.http.server.reloading import Reloading
from app.http.server.server import server, settle
from app.http.server.workers import serve_workers
from app.main import FAULTS, Replay, create_app
from app.recordings.recording import Recording, RecordingError, name_of, read
from app.settings import CALLER, Settings, describe
from app.telemetry.logs import configure_logging
from app.terminal.commands import COMMANDS

INTERRUPTED = 130
"""The exit code of a process that was interrupted, as in a shell: 128 + SIGINT."""

cli = typer.Typer(
    add_completion=False, help="Typed LLM answers that arrive while they are being written."
)
for command in COMMANDS:
    cli.command(command.__name__.rstrip("_"))(command)  # `try` is a word of Python's


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"structured-streams {__version__}")
        raise typer.Exit


@cli.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Serve, as the environment says (see docs/settings.md)."""
    if context.invoked_subcommand is None:
        _run(_settings())


def _run(settings: Settings, replay: Replay | None = None) -> None:
    """Serve until a signal comes. replay: is asked instead of a provider."""
    configure_logging(settings.log_format, settings.log_level)
    with _stopping():
        # A broken schema or key file is reported once, here. And an interrupt ends this at once: a
        # runner would first let it end, and then cancel the server while that starts.
        app = create_app(settings, replay=replay)
        if settings.workers > 1:
            serve_workers(settings, partial(_welcome, settings, app), create_app)
            return
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, app, replay))
    _drop_unwritten()
    gc.freeze()  # without it the collection at exit takes a third of the second that is left


@contextmanager
def _stopping() -> Iterator[None]:
    """Say what keeps the service from starting, and stop."""
    try:
        yield
    except FAULTS as error:
        _stop(str(error))
    except KeyboardInterrupt:  # while it starts: afterwards the server has signals of its own
        raise SystemExit(INTERRUPTED) from None


@cli.command()
def dev() -> None:
    """Serve, and follow the files of the schemas: a change is served at once, and by the page."""
    settings = _settings()
    configure_logging(settings.log_format, settings.log_level)
    if settings.workers > 1:
        _stop("WORKERS: files are followed in one process")
    # Python takes a file for unchanged that has the same length as a second before.
    # https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    sys.dont_write_bytecode = True
    with _stopping():
        reloading = Reloading(settings, create_app, FAULTS)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_follow(settings, reloading))


@cli.command()
def demo(
    host: str = "127.0.0.1",
    port: int = 9000,
    tokens_per_second: Annotated[float, typer.Option(min=0)] = 60,
    recording: Annotated[
        list[Path] | None,
        typer.Option(
            help="A recording that becomes a model with the file's name; may be repeated."
        ),
    ] = None,
    pace: Annotated[
        float, typer.Option(min=0, help="How many times as fast it is played; 0: at once.")
    ] = 1,
) -> None:
    """Serve the demo model: an OpenAI-compatible endpoint that needs no key."""
    try:
        answers = {name_of(file): read(file).answers for file in recording or ()}
        serve_demo(host, port, tokens_per_second, Replays(answers, pace))
    except RecordingError as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"can't listen on {host}, port {port}: {error.strerror}")


@cli.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording, which RECORD has written.")],
    pace: Annotated[
        float, typer.Option(min=0, help="How many times as fast it is played; 0: at once.")
    ] = 1,
) -> None:
    """Serve a recording as the model, and print the call that asks for it."""
    try:
        recording = read(file)
    except RecordingError as error:
        _stop(str(error))
    _run(_settings().model_copy(update={"workers": 1, "record": None}), Replay(recording, pace))


@cli.command()
def key(name: str) -> None:
    """Make an API key for a caller, and print it. It can't be printed again."""
    if not re.fullmatch(CALLER, name):
        raise typer.BadParameter("1 to 64 letters, digits, dots, underscores and hyphens")
    key, pair = make_key(name)
    print(f"The key, for {name} alone: {key}")
    print(f"For API_KEYS, or a line of API_KEYS_FILE: {pair}")


async def _serve(settings: Settings, app: Any, replay: Replay | None) -> None:
    welcome = partial(_welcome, settings, app, replay=replay)
    await server(app, settings, welcome).serve()


async def _follow(settings: Settings, reloading: Reloading) -> None:
    def welcome(url: str) -> None:
        words = _try_it(settings, url + settings.root_path, reloading.names)
        structlog.get_logger("service").info(f"following the schemas' files: {words}")

    await server(reloading.app, settings, welcome, reloading.drain, reloading.reread).serve()


def _welcome(settings: Settings, app: Any, url: str, replay: Replay | None = None) -> None:
    settle()
    url += settings.root_path
    schemas: dict[str, str] = app.state.schemas
    message = f"serving on {url}/, {_to_whom(settings, len(app.state.keys))}"
    if settings.workers > 1 and settings.streams_store:
        message += f", in {settings.workers} processes"
    elif settings.workers > 1:
        message += (
            f", in {settings.workers} processes: as each keeps its own streams, resumable, "
            "Idempotency-Key and /streams/… are refused"
        )
    if replay:
        message += f"; replaying: {_call(replay.recording, url)}"
        if (now := schemas[replay.recording.schema]) != replay.recording.schema_version:
            message += f" (its schema was {replay.recording.schema_version}, and is {now} now)"
    elif settings.demo and schemas:
        message += "; no OPENAI_API_KEY and no OPENAI_BASE_URL, so the demo model answers: "
        message += _try_it(settings, url, schemas)
    log = structlog.get_logger("service")
    exposed = settings.open and not settings.on_loopback
    (log.warning if exposed else log.info)(message)
    if settings.record:
        log.warning(
            f"RECORDING every stream, with what callers ask and models answer, in {settings.record}"
        )


def _call(recording: Recording, url: str) -> str:
    """The call that asks for what was recorded, as a shell takes it."""
    body = shlex.quote(json.dumps(recording.parameters, ensure_ascii=False))
    kind = "-H 'Content-Type: application/json'"
    return f"curl -N {url}/{recording.schema} {kind} -d {body}"


def _try_it(settings: Settings, url: str, schemas: Iterable[str]) -> str:
    """What to do with a service that has just begun."""
    names = list(schemas)
    name = "ideas" if "ideas" in names else next(iter(names), "…")
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
