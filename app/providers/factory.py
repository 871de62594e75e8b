"""The providers by name: each is a folder, and a row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.providers.base import Provider
from app.providers.model_settings import ModelSettings


def _openai(settings: ModelSettings) -> Provider:
    from app.providers.openai.provider import OpenAIProvider  # takes 3 s to import

    return OpenAIProvider(settings)


PROVIDERS: Final[dict[str, Callable[[ModelSettings], Provider]]] = {
    "openai": _openai,
}
"""What makes each provider, by name. Its libraries are imported when it is made."""
