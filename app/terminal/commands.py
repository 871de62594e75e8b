"""The commands beside the service: `python -m app schemas`, `stream`, `check` and so on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from pydantic import ValidationError

from app.errors import UnknownSchema
from app.main import models
from app.providers.models_file import ModelsError
from app.schemas.registry import SchemaError, load
from app.schemas.typescript import GeneratorError, typescript
from app.settings import Settings, describe
from app.telemetry.logs import configure_logging
from app.terminal.new import NewError, next_steps, write
from app.terminal.schemas import print_schemas


def schemas() -> None:
    """List the schemas with their results, parameters, default models and views."""
    with _stopping():
        settings = Settings()
        names = [model.name for model in models(settings)]
        registry = load(*settings.schemas)
        registry.require_models(names)
        print_schemas(registry, names)


def new(
    name: Annotated[str, typer.Argument(help="The endpoint's name, such as `book-reviews`.")],
    into: Annotated[
        str | None, typer.Option(help="A folder; else the first one of SCHEMAS.")
    ] = None,
) -> None:
    """Write a schema's file to begin with, and say what to do next."""
    with _stopping():
        settings = Settings()
        file = write(name, settings.schemas, into)
        print(next_steps(file, name, settings.schemas, f"http://localhost:{settings.port}"))


def types() -> None:
    """Print TypeScript for every schema's parameters, result and partial."""
    with _stopping():
        print(typescript(load(*Settings().schemas)), end="")


def stream(
    schema: Annotated[str, typer.Argument(help="Such as `ideas`.")],
    words: Annotated[
        list[str], typer.Argument(help="The topic, and other parameters as `name=value`.")
    ],
    url: Annotated[
        str, typer.Option(envvar="STRUCTURED_STREAMS_URL", help="Where the service is.")
    ] = "http://127.0.0.1:8000",
    model: Annotated[str | None, typer.Option(help="A model that the service offers.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="For pipes: an event a line, the last is done or error.")
    ] = False,
    reasoning: Annotated[
        bool, typer.Option("--reasoning", help="Show what the model reasons before it answers.")
    ] = False,
    api_key: Annotated[
        str | None, typer.Option(envvar="STRUCTURED_STREAMS_API_KEY", help="Your key.")
    ] = None,
) -> None:
    """Show an answer as it fills in, from a service that runs."""
    from app.terminal.stream import run  # imported here: the service itself needs no HTTP client

    raise SystemExit(
        run(url, schema, words, model=model, api_key=api_key, json=json, reasoning=reasoning)
    )


def check(
    model: Annotated[str | None, typer.Argument(help="One of the models; else all.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For pipes: a way a line.")] = False,
) -> None:
    """Ask the models a small question in each way, and say which settings to write."""
    from app.terminal.check import run  # imported here: the SDK takes a while

    with _stopping():
        raise SystemExit(run(Settings(), model, as_json=json))


def settings(
    json: Annotated[bool, typer.Option("--json", help="For pipes: a setting a line.")] = False,
) -> None:
    """Print each setting, where it comes from and its value. Secrets are hidden."""
    from app.terminal.settings import run

    with _stopping():
        run(Settings(), as_json=json)


def try_(
    schema: Annotated[str, typer.Argument(help="Such as `ideas`.")],
    topics: Annotated[
        Path,
        typer.Option(help="A file: a topic, or a JSON object of parameters, a line. `-` is stdin."),
    ],
    model: Annotated[
        list[str] | None, typer.Option(help="A model; may be repeated. Else the default one.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="Streams at the same time.")] = 4,
    json: Annotated[bool, typer.Option("--json", help="For pipes: a model a line.")] = False,
) -> None:
    """Run topics through models, and say how each of them has done."""
    from app.terminal.trial import TopicsError, run  # imported here: the SDK takes a while

    with _stopping():
        configured = Settings()
        configure_logging(configured.log_format, "error")  # the table says what has failed
        try:
            code = run(configured, schema, model or (), topics, at_once=at_once, as_json=json)
        except (TopicsError, UnknownSchema) as error:
            _stop(str(error) or error.__class__.__name__)
        raise SystemExit(code)


COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    *(stream, schemas, new, types, check, try_, settings),
)


@contextmanager
def _stopping() -> Iterator[None]:
    """Say what is wrong with the settings, the models or the schemas, and stop."""
    try:
        yield
    except (GeneratorError, ModelsError, NewError, SchemaError) as error:
        _stop(str(error))
    except ValidationError as error:
        _stop("\n".join(describe(error)))


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)
