"""Reads the file that describes models (`MODELS_FILE`): TOML, as `model_table.py` has its tables.

All that is wrong is told at once: the file, the line, the key and what was expected there. No
value is told, as any of them may be a secret.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from app.providers import base_url, options, toml_line
from app.providers.factory import PROVIDERS
from app.providers.headers import is_key, is_name, is_value
from app.providers.model_settings import ModelSettings, Prices
from app.providers.model_table import (
    VARIABLE,
    DeadlinesTable,
    ModelsTable,
    ModelTable,
    expected,
)
from app.schema import Deadlines

FILE_BYTES: Final = 64 * 1024

Variable = Callable[[str], SecretStr | None]
"""Gives the value of a variable of the environment; None if it is not set, or is empty."""

Place = tuple[str | int, ...]
Fault = tuple[Place, str]
"""A place in the file, and what was expected there."""

_PLAIN: Final = {"provider", "mode", "max_tokens_field", "dialect", "examples"}
"""Keys whose value is that of the field of the same name of `ModelSettings`."""

_name = re.compile(r"[^\s,]{1,128}")


class ModelsError(Exception):
    """The models can't be used. The message has a line for each reason, and no value."""


def read(file: str, variable: Variable, connect_timeout: float) -> tuple[ModelSettings, ...]:
    """The models that a file describes, in its order.

    connect_timeout: that of a model without one of its own

    Raises `ModelsError`.
    """
    text = _text(file)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line, words = toml_line.of_error(text, error)
        raise ModelsError(f"{file}:{line}: {words}") from None
    models, faults = _models(document, variable)
    if faults:
        raise ModelsError("\n".join(_lines(file, text, document, faults)))
    return tuple(
        _settings(name, table, variable, connect_timeout) for name, table in models.items()
    )


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(FILE_BYTES + 1)
    except OSError as error:
        raise ModelsError(f"MODELS_FILE: {error.strerror}") from None
    if len(data) > FILE_BYTES:
        raise ModelsError(f"MODELS_FILE: is larger than {FILE_BYTES} bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ModelsError(f"{file}:{line}: expected UTF-8") from None


def _models(document: Any, variable: Variable) -> tuple[dict[str, ModelTable], list[Fault]]:
    """The tables of a file, and what is wrong with them."""
    try:
        models = ModelsTable.model_validate(document).models
    except ValidationError as error:
        places = (each["loc"] for each in error.errors(include_url=False, include_input=False))
        return {}, [(place, expected(place)) for place in places]
    return models, [
        (("models", name, *place), words)
        for name, table in models.items()
        for place, words in _faults(name, table, models, variable)
    ]


def _lines(file: str, text: str, document: Any, faults: Iterable[Fault]) -> Iterator[str]:
    """What is told of each fault, in the order of the file."""
    found = {(_line(text, document, place), _dotted(place), words) for place, words in faults}
    for line, key, words in sorted(found):
        yield f"{file}:{line}: {key}: expected {words}"


def _line(text: str, document: Any, place: Place) -> int:
    """The line of a place; of what is missing, that of the table in which it should be."""
    while not toml_line.holds(document, place):
        place = place[:-1]
    return toml_line.of_place(text, place)


def _dotted(place: Place) -> str:
    """A place as TOML writes it: `models."a/b".fallbacks[0]`."""
    found = ""
    for part in place:
        if isinstance(part, int):
            found += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            found += f".{part if bare else json.dumps(part, ensure_ascii=False)}"
    return found.removeprefix(".")


# -- what the shape does not tell ----------------------------------------------------------------


def _faults(
    name: str, table: ModelTable, models: Mapping[str, ModelTable], variable: Variable
) -> Iterator[Fault]:
    """What is wrong with one model. The places are those in its table."""
    if not _name.fullmatch(name):
        yield (), "a name of 1 to 128 characters, without blanks and commas"
    if table.provider not in (None, *PROVIDERS):
        yield ("provider",), expected(("models", name, "provider"))
    yield from _faults_of_key(table, variable)
    yield from _faults_of_headers(table.headers or {}, variable)
    yield from _faults_of_options(table)
    for index, other in enumerate(table.fallbacks or ()):
        if other == name or other not in models:
            yield ("fallbacks", index), "the name of another model of this file"
        elif other in (table.fallbacks or ())[:index]:
            yield ("fallbacks", index), "a model that is not in the list yet"
    if table.fall_back_on and not table.fallbacks:
        yield ("fallbacks",), "a list of names, as fall_back_on says when they are asked"


def _faults_of_key(table: ModelTable, variable: Variable) -> Iterator[Fault]:
    if table.api_key_env is not None:
        key = variable(table.api_key_env)
        if key is None or not is_key(key.get_secret_value()):
            yield ("api_key_env",), VARIABLE
    elif table.base_url is None and not table.headers:
        yield ("api_key_env",), f"{VARIABLE}, as the provider's own API wants a key"


def _faults_of_headers(headers: Mapping[str, Any], variable: Variable) -> Iterator[Fault]:
    seen: set[str] = set()
    for name, value in headers.items():
        if not is_name(name) or name.lower() in seen:
            yield ("headers", name), "a header's name, once, and none that tells a body's length"
        seen.add(name.lower())
        match value:
            case str():
                if not is_value(value):
                    yield ("headers", name), "a string of printable ASCII"
            case {"env": str(), **rest} if not rest:
                if not _value(value, variable):
                    yield ("headers", name, "env"), VARIABLE
            case _:
                yield ("headers", name), 'a string, or { env = "VARIABLE" }'


def _faults_of_options(table: ModelTable) -> Iterator[Fault]:
    for place, words in options.faults(table.options or {}):
        yield ("options", *place), words
    for index, field in enumerate(table.without or ()):
        for _, words in options.faults({field: None}):
            yield ("without", index), words
        if field in (table.options or {}):
            yield ("without", index), "a field that the options do not set"


# -- what follows from it ------------------------------------------------------------------------


def _settings(
    name: str, table: ModelTable, variable: Variable, connect_timeout: float
) -> ModelSettings:
    place = base_url.split(table.base_url)
    key = variable(table.api_key_env) if table.api_key_env else None
    own = {name: _value(value, variable) for name, value in (table.headers or {}).items()}
    deadlines = table.deadlines or DeadlinesTable()
    return ModelSettings(
        name=name,
        model=table.model or name,
        base_url=place.url,
        api_key=key,
        options=(table.options or {}) | dict.fromkeys(table.without or ()),
        headers=({} if key else place.headers) | own,
        query=place.query | (table.query or {}),
        connect_timeout=deadlines.connect or connect_timeout,
        deadlines=Deadlines(**deadlines.model_dump(exclude={"connect"})),
        prices=Prices(**table.prices.model_dump()) if table.prices else None,
        fallbacks=tuple(table.fallbacks or ()),
        fall_back_on=tuple(table.fall_back_on or ()),
        **table.model_dump(include=_PLAIN, exclude_none=True),
    )


def _value(given: Any, variable: Variable) -> str:
    """A header's value, which may be in a variable; empty if that has none that can be sent."""
    if isinstance(given, str):
        return given
    found = variable(given["env"])
    value = found.get_secret_value() if found else ""
    return value if is_value(value) else ""
