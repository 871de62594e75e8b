"""Fields of a request beyond those that the service fills in: `options`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator

OWN: Final = frozenset({"model", "messages", "stream"})
"""The fields that no option may change: an answer to another request could not be read."""

Path = tuple[str | int, ...]


def merged(body: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """A request's body with the options in it, as RFC 7396 merges a patch into JSON.

    An object is merged into the object that is there, null takes a field out, and any other value
    takes the place of what is there. Neither argument is changed.
    """
    result = dict(body)
    for name, value in options.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            there = result.get(name)
            result[name] = merged(there if isinstance(there, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def faults(options: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong with options: where, and what was expected there."""
    for name in OWN & options.keys():
        yield (name,), f"a field other than {', '.join(sorted(OWN))}, which the service fills in"
    for path in _not_json(options):
        yield path, "a value that JSON has"


def _not_json(value: Any, path: Path = ()) -> Iterator[Path]:
    """The places of what JSON can't say. TOML, for one, has dates and infinity."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _not_json(child, (*path, key)) if isinstance(key, str) else (path,)
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _not_json(child, (*path, index))
    elif isinstance(value, float):
        yield from () if math.isfinite(value) else (path,)
    elif not isinstance(value, str | int | None):
        yield path


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    for path, expected in faults(options):
        raise ValueError(f"{path}: expected {expected}")
    return options


Options = Annotated[dict[str, Any], AfterValidator(_checked)]
"""Options without a fault."""
