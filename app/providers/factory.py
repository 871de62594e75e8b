"""The providers by name: each is a file, its settings, and a row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.providers.base import Provider
from app.settings import Settings


def _openai(settings: Settings, base_url: str | None) -> Provider:
    from app.providers.openai import OpenAIProvider, OpenAISettings  # takes 3 s to import

    return OpenAIProvider(
        OpenAISettings(
            api_key=settings.openai_api_key,
            base_url=base_url or settings.openai_base_url,
            mode=settings.instructor_mode,
            max_tokens_field=settings.max_tokens_field,
            connect_timeout=settings.connect_timeout,
        )
    )


PROVIDERS: Final[dict[str, Callable[[Settings, str | None], Provider]]] = {
    "openai": _openai,
}
"""What makes each provider, by name. It is given the settings, and a base URL (or None) that goes
before the one in the settings. Its libraries are imported when it is made."""
