"""Anthropic, and whatever else has its interface.

Instructor makes the request and takes the text out of the events.
https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from typing import Any

import httpx2
from instructor import Mode
from instructor import Provider as InstructorProvider
from pydantic_core import from_json

from app.providers.anthropic.client import client_of, url_of
from app.providers.anthropic.reader import AnthropicReader
from app.providers.anthropic.request import AnthropicRequests
from app.providers.asking.refusal import Refused, refusal
from app.providers.asking.requests import JsonObject
from app.providers.asking.way import Way
from app.providers.completion import StreamedCompletion
from app.providers.handlers import handlers
from app.providers.model_settings import ModelSettings
from app.providers.transport import taken


class Anthropic:
    """The API of one model; an `Api`."""

    def __init__(self, settings: ModelSettings) -> None:
        self.requests = AnthropicRequests(settings)
        self._client = client_of(settings)
        self._url = url_of(settings.base_url)

    async def open(self, body: JsonObject, way: Way) -> StreamedCompletion:
        """Send a request, as `Api` says."""
        async with self._client.stream("POST", self._url, json=body) as response:
            await _raise_for_status(response)
            answer = taken(response)
        in_tools = way.mode == "tools"
        mode = Mode.TOOLS if in_tools else Mode.JSON
        extract: Any = handlers(InstructorProvider.ANTHROPIC, mode).stream_extractor_async
        return StreamedCompletion(
            answer,
            answer.received,
            extract,
            AnthropicReader(in_tools=in_tools),
            null_is_absent=way.dialect == "strict" or way.mode == "json_schema",
            sent=answer.sent,
            close=answer.close,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


async def _raise_for_status(response: httpx2.Response) -> None:
    """Raises `Refused`, if the answer is no 2xx."""
    if response.is_success:
        return
    await response.aread()
    try:
        response.raise_for_status()
    except httpx2.HTTPStatusError as error:
        raise Refused(refusal(response.status_code, _body(response.content))) from error


def _body(content: bytes) -> object:
    """An error's body: JSON, or text."""
    try:
        return from_json(content, allow_partial=True)
    except ValueError:
        return content.decode("utf-8", "replace")
