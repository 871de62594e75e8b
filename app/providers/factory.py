"""The providers by name: each is a folder, and a row in each table here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from app.providers.base import Provider
from app.providers.model_settings import ModelSettings
from app.schemas.asked_model import AskedModel


def _openai(settings: ModelSettings) -> Provider:
    from app.providers.openai.provider import OpenAIProvider  # takes 3 s to import

    return OpenAIProvider(settings)


def _prepare_openai(settings: ModelSettings, values: Iterable[AskedModel]) -> None:
    from app.providers.openai.request import prepare

    prepare(settings, values)


PROVIDERS: Final[dict[str, Callable[[ModelSettings], Provider]]] = {
    "openai": _openai,
}
"""The function that makes each provider, by name. It imports the provider's libraries."""

PREPARE: Final[dict[str, Callable[[ModelSettings, Iterable[AskedModel]], None]]] = {
    "openai": _prepare_openai,
}
"""What makes the requests for the values of a schema before the first call, by provider.

It raises whatever stands in the way of asking a model for them.
"""
