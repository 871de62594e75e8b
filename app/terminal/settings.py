"""`python -m app settings`: prints each setting, where it comes from, and its value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from app.providers.secret_names import HIDDEN, without_secrets
from app.settings import Settings

_urls = re.compile(r",(?=[a-z+]+://)")


@dataclass(frozen=True, slots=True)
class Setting:
    """name: of the variable. source: `environment` or `default`. value: without any secret."""

    name: str
    source: str
    value: Any


def run(settings: Settings, *, as_json: bool) -> None:
    """Print a line for each setting, in columns or as JSON."""
    found = list(shown(settings))
    if as_json:
        for setting in found:
            print(json.dumps(asdict(setting)))
        return
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(setting.name) for setting in found)
    for each in found:
        style = "" if each.source == "environment" else "dim"
        line = f"{each.name:<{width}}  {each.source:<11}  {_words(each.value)}"
        console.print(Text(line, style))


def shown(settings: Settings) -> Iterator[Setting]:
    """Each setting as it may be shown."""
    for name in type(settings).model_fields:
        source = "environment" if name in settings.model_fields_set else "default"
        yield Setting(name.upper(), source, _shown(name, getattr(settings, name)))


def _shown(name: str, value: Any) -> Any:
    """A value without what is secret in it. Of a URL, the place is shown."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return ",".join(map(_place, _urls.split(text))) if "://" in text else HIDDEN
    if isinstance(value, str) and "://" in value:
        return _place(value)
    if name == "api_keys":
        return [f"{pair.partition('=')[0]}={HIDDEN}" for pair in value]
    if name == "extra_headers":
        return dict.fromkeys(value, HIDDEN)
    return without_secrets(value)


def _place(url: str) -> str:
    """A URL whose user info and query are hidden: they may hold keys."""
    parts = urlsplit(url)
    _user, at, host = parts.netloc.rpartition("@")
    hidden = f"{HIDDEN}@{host}" if at else host
    return urlunsplit((parts.scheme, hidden, parts.path, HIDDEN if parts.query else "", ""))


def _words(value: Any) -> str:
    """A value as it is written in the environment."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
