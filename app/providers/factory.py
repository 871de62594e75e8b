"""The providers by name: each is a folder, and a row in each table here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from app.providers.model_settings import ModelSettings

if TYPE_CHECKING:
    from app.providers.asking.provider import ApiProvider
    from app.providers.asking.requests import Requests


def _openai(settings: ModelSettings) -> ApiProvider:
    from app.providers.asking.provider import ApiProvider  # takes 3 s to import
    from app.providers.openai.provider import OpenAI

    return ApiProvider(OpenAI(settings))


def _openai_requests(settings: ModelSettings) -> Requests:
    from app.providers.openai.request import OpenAIRequests

    return OpenAIRequests(settings)


def _anthropic(settings: ModelSettings) -> ApiProvider:
    from app.providers.anthropic.provider import Anthropic
    from app.providers.asking.provider import ApiProvider

    return ApiProvider(Anthropic(settings))


def _anthropic_requests(settings: ModelSettings) -> Requests:
    from app.providers.anthropic.request import AnthropicRequests

    return AnthropicRequests(settings)


PROVIDERS: Final[dict[str, Callable[[ModelSettings], ApiProvider]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
}
"""The function that makes each provider, by name. It imports the provider's libraries."""

REQUESTS: Final[dict[str, Callable[[ModelSettings], Requests]]] = {
    "openai": _openai_requests,
    "anthropic": _anthropic_requests,
}
"""What makes the requests of each provider, without a client for them."""
