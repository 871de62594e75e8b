"""Which fields of a request, and which headers, hold secrets: their names tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

HIDDEN: Final = "********"

_secret = re.compile(r"key|token|secret|password|credential|auth|cookie", re.IGNORECASE)
_harmless = re.compile(r"max_(completion_)?tokens|tokens_per_|monkey", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether what has this name is secret."""
    return _secret.search(name) is not None and _harmless.search(name) is None


def without_secrets(value: Any) -> Any:
    """A JSON value in which what has the name of a secret is hidden, at any depth."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if is_secret(key) else without_secrets(part) for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(part) for part in value]
    return value


def secret_texts(value: Any, *, known: bool = False) -> Iterator[str]:
    """The texts in a JSON value that `without_secrets` hides. known: the value itself is secret."""
    if isinstance(value, str) and known:
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from secret_texts(part, known=known or is_secret(key))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from secret_texts(part, known=known)
