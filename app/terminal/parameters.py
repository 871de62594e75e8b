"""Turns the words of a command into a schema's parameters: `healthy snacks count=3`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_NAMED = re.compile(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)


def parameters(words: Iterable[str], json_schema: dict[str, Any]) -> dict[str, Any]:
    """The parameters that the words give. Words without a name are the topic.

    json_schema: the JSON Schema of the parameters. A value is read as JSON if the parameter can't
        be a string
    """
    topic: list[str] = []
    found: dict[str, Any] = {}
    for word in words:
        if match := _NAMED.fullmatch(word):
            found[match[1]] = _value(match[2], json_schema["properties"].get(match[1], {}))
        else:
            topic.append(word)
    return {"topic": " ".join(topic), **found} if topic else found


def _value(text: str, field: dict[str, Any]) -> Any:
    kinds = {part.get("type", "string") for part in field.get("anyOf", [field])}
    if "string" in kinds:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # the service refuses it, and says why
