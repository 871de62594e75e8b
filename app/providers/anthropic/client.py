"""The HTTP client for one model: where its requests go, and by which key.

A request is one POST, so Anthropic's SDK is not needed.
"""

from __future__ import annotations

from typing import Final

import httpx2

from app.providers.model_settings import ModelSettings
from app.providers.transport import Transport

BASE_URL: Final = "https://api.anthropic.com"
"""Anthropic's own."""

VERSION: Final = "2023-06-01"
"""That of the API. https://platform.claude.com/docs/en/api/versioning"""


def client_of(settings: ModelSettings) -> httpx2.AsyncClient:
    """The client for a model."""
    headers = httpx2.Headers({"anthropic-version": VERSION, "user-agent": "structured-streams"})
    if settings.api_key is not None:
        headers["x-api-key"] = settings.api_key.get_secret_value()
    headers.update(settings.headers)
    return httpx2.AsyncClient(
        headers=headers,
        params=dict(settings.query),
        transport=Transport(settings.connect_timeout),
        timeout=None,
        follow_redirects=False,  # the key goes to no other host
    )


def url_of(base_url: str | None) -> str:
    """Where messages are asked for. Some write the URL of the API with its `/v1`, some without."""
    return f"{(base_url or BASE_URL).rstrip('/').removesuffix('/v1')}/v1/messages"
