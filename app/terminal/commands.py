"""The commands beside the service: `python -m app schemas`, `types` and `stream`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer
from pydantic import ValidationError

from app.schemas.registry import Registry, SchemaError, load
from app.schemas.typescript import GeneratorError, typescript
from app.settings import Settings, describe
from app.terminal.schemas import print_schemas


def schemas() -> None:
    """List the schemas with their results, parameters and views."""
    print_schemas(_registry())


def types() -> None:
    """Print TypeScript for every schema's parameters, result and partial."""
    try:
        print(typescript(_registry()), end="")
    except GeneratorError as error:
        _stop(str(error))


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
        bool, typer.Option("--json", help="For pipes: a partial a line, the final value last.")
    ] = False,
    api_key: Annotated[
        str | None, typer.Option(envvar="STRUCTURED_STREAMS_API_KEY", help="Your key.")
    ] = None,
) -> None:
    """Show an answer as it fills in, from a service that runs."""
    from app.terminal.stream import run  # imported here: the service itself needs no HTTP client

    raise SystemExit(run(url, schema, words, model=model, api_key=api_key, json=json))


COMMANDS: Final[tuple[Callable[..., None], ...]] = (stream, schemas, types)


def _registry() -> Registry:
    """The schemas that the service would serve in this environment."""
    try:
        return load(*Settings().schemas)
    except SchemaError as error:
        _stop(str(error))
    except ValidationError as error:
        _stop("\n".join(describe(error)))


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)
