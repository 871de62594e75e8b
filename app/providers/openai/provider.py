"""Any OpenAI-compatible provider, through Instructor and the OpenAI SDK.

Instructor makes the request for each mode and takes the text out of the chunks.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import Any

import httpx2
import openai
from instructor import Mode
from instructor import Provider as InstructorProvider

from app.providers.asking.refusal import Refused, refusal
from app.providers.asking.requests import JsonObject
from app.providers.asking.way import AskedMode, Way
from app.providers.completion import StreamedCompletion
from app.providers.handlers import handlers
from app.providers.model_settings import ModelSettings
from app.providers.openai.client import client_of, request_options
from app.providers.openai.reader import OpenAIReader
from app.providers.openai.request import OpenAIRequests
from app.providers.transport import taken


class OpenAI:
    """The API of one model; an `Api`."""

    def __init__(self, settings: ModelSettings) -> None:
        self.requests = OpenAIRequests(settings)
        self._client = client_of(settings)
        self._options: Any = request_options(settings, self._client)

    async def open(self, body: JsonObject, way: Way) -> StreamedCompletion:
        """Send a request, as `Api` says."""
        # The SDK's `create` would walk through each part of the messages and of the schema, which
        # are complete, for a millisecond. This is how it sends what it has no method for.
        try:
            response: Any = await self._client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                body=body,
                options=self._options,
                stream=True,
                stream_cls=openai.AsyncStream[Any],
            )
        except openai.APIStatusError as error:
            raise Refused(refusal(error.status_code, error.body)) from error
        answer = taken(response)
        return StreamedCompletion(
            answer,
            answer.received,
            _extractor(way.mode),
            OpenAIReader(in_tools=way.mode == "tools"),
            null_is_absent=way.dialect == "strict",
            sent=answer.sent,
            close=answer.close,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()


def _extractor(mode: AskedMode) -> Any:
    """What takes the text out of the chunks in a mode.

    That of `md_json` would hold the text back until its JSON is complete. The service strips
    fences by itself.
    """
    mode = "json" if mode == "md_json" else mode
    return handlers(InstructorProvider.OPENAI, Mode[mode.upper()]).stream_extractor_async
