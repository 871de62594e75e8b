"""The OpenAI SDK's client for one model: where its requests go, and by which key."""

from __future__ import annotations

from typing import Any, Final

import httpx2
import openai

from app.providers.model_settings import ModelSettings
from app.providers.transport import Transport

BASE_URL: Final = "https://api.openai.com/v1"
"""OpenAI's own. It is always given, as the SDK would take another from the environment."""

_AUTHORIZATION: Final = "Authorization"
_NO_KEY: Final = "none"
"""The SDK refuses to start without a key. This one is not sent."""


def client_of(settings: ModelSettings) -> openai.AsyncOpenAI:
    """The client for a model. What the SDK adds by itself is in `docs/providers.md`."""
    key = settings.api_key
    base_url = settings.base_url or BASE_URL
    return openai.AsyncOpenAI(
        api_key=key.get_secret_value() if key else _NO_KEY,
        base_url=base_url,
        default_headers=_headers(settings),
        default_query=dict(settings.query),
        max_retries=0,  # the service retries by itself, where readers are told
        http_client=httpx2.AsyncClient(
            transport=Transport(settings.connect_timeout),
            timeout=None,
            follow_redirects=False,  # the key goes to no other host
        ),
    )


def request_options(settings: ModelSettings, client: openai.AsyncOpenAI) -> dict[str, Any]:
    """The options of each request: by which of its keys the SDK asks, if by any."""
    options: dict[str, Any] = {"security": {"bearer_auth": True}}
    named = map(str.lower, client.default_headers)
    if settings.api_key is None and _AUTHORIZATION.lower() not in named:
        options["headers"] = {_AUTHORIZATION: openai.Omit()}
    return options


def _headers(settings: ModelSettings) -> dict[str, str]:
    """The headers of each request. A name in two spellings would be sent twice by the SDK."""
    return {
        _AUTHORIZATION if name.lower() == _AUTHORIZATION.lower() else name: value
        for name, value in settings.headers.items()
    }
