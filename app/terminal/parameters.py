"""A command's words as a schema's parameters: `healthy snacks count=3`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_NAMED = re.compile(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)


def parameters(words: Iterable[str], json_schema: dict[str, Any]) -> dict[str, Any]:
    """What the words say: those with a name, and the topic, which is all others.

    json_schema: of the parameters; where it takes no text, a value is read as JSON
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
        return text  # the service says what is wrong with it
