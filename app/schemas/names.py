"""A schema's name in other places than a URL: `ideas@2` is `Ideas_2` as a type."""

from __future__ import annotations

import re
from typing import Final

PATTERN: Final = re.compile(r"[a-z][a-z0-9-]*(@[1-9][0-9]*)?")
"""What a schema may be called. Behind the `@` is a version, which stands beside the others."""


def as_type(name: str) -> str:
    """The name of a type, or of a tool: letters, digits and, before a version, an underscore."""
    words, _, version = name.partition("@")
    pascal = "".join(word.capitalize() for word in words.split("-"))
    return f"{pascal}_{version}" if version else pascal


def as_identifier(name: str) -> str:
    """The name in lower case, as a part of an identifier."""
    words, _, version = name.partition("@")
    snake = words.replace("-", "_")
    return f"{snake}_V{version}" if version else snake
