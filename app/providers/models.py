"""The models that callers may choose from, each asked in its own way."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

from app.providers.base import Completion, CompletionRequest, Provider
from app.providers.factory import PROVIDERS
from app.providers.model_settings import ModelSettings


class Models:
    """A `Provider` of several models. Each model is asked as its settings say."""

    def __init__(self, models: Iterable[ModelSettings]) -> None:
        self._providers: dict[str, Provider] = {
            model.name: PROVIDERS[model.provider](model) for model in models
        }

    def complete(self, request: CompletionRequest) -> AbstractAsyncContextManager[Completion]:
        """Ask the model that the request names, as `Provider` says."""
        return self._providers[request.model].complete(request)

    async def aclose(self) -> None:
        """Close what the providers hold open."""
        for provider in self._providers.values():
            await provider.aclose()
