"""Any OpenAI-compatible provider, through Instructor and the OpenAI SDK.

The only module that imports either. Instructor makes the request in each mode and takes the
answer's text out of the chunks. Its seam is a response model that inherits `PartialBase` and
overrides `from_streaming_response_async`: it is handed the completion and the extractor, and
gives text instead of objects. The completion is a `Completion` of ours, so that finish reasons,
refusals and usage, which the extractor drops, are seen on the way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import httpx2
import instructor
import instructor.v2.providers.anthropic.usage  # else Instructor does, in the first call
import openai
from instructor.v2.core.function_calls import response_schema
from instructor.v2.dsl.partial import PartialBase
from instructor.v2.providers.openai.handlers import OpenAIJSONHandler
from pydantic import BaseModel, create_model

from app.errors import ProviderError
from app.providers.base import Answer, Ask, Usage
from app.providers.completion import Completion
from app.providers.mapping import while_opening, while_reading
from app.providers.transport import BODY, Body, Transport
from app.settings import Settings

_NO_KEY = "none"  # the SDK refuses to start without one; servers that need none ignore it
_json_text = OpenAIJSONHandler().extract_streaming_json_async


class _Seam(PartialBase[Any]):
    """What Instructor takes for a partial model; it gives the text of the answer."""

    @classmethod
    def from_streaming_response_async(
        cls, completion: Any, stream_extractor: Callable[[Any], AsyncIterator[str]], **_: Any
    ) -> AsyncIterator[str]:
        # The extractor of MD_JSON holds the text back until its JSON is complete. Ours
        # strips fences by itself.
        if stream_extractor.__self__.mode is instructor.Mode.MD_JSON:  # type: ignore[attr-defined]
            stream_extractor = _json_text
        return stream_extractor(completion)


class OpenAIProvider:
    """Answers of an OpenAI-compatible provider. `base_url` overrides that of the settings."""

    def __init__(self, settings: Settings, base_url: str | None = None) -> None:
        key = settings.openai_api_key
        self._client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else _NO_KEY,
            base_url=base_url or settings.openai_base_url,
            max_retries=0,  # the SDK's own sleep in silence
            http_client=httpx2.AsyncClient(
                transport=Transport(settings.connect_timeout),
                timeout=None,
                follow_redirects=True,
            ),
        )
        # Looked up now: the SDK imports its resources on first use, which takes a while.
        self._open: Any = self._client.chat.completions.create
        self._max_tokens_field = settings.max_tokens_field
        self._mode = instructor.Mode[settings.instructor_mode.upper()]
        self._create: Any = instructor.patch(create=self._complete, mode=self._mode)
        self._seams: dict[type[BaseModel], type[BaseModel]] = {}

    @asynccontextmanager
    async def ask(self, ask: Ask) -> AsyncIterator[Answer]:
        """Open an answer, as `Provider.ask` says."""
        async with AsyncExitStack() as stack:
            opened: list[Completion] = []
            try:
                texts = await self._create(
                    response_model=self._seam(ask.response_model),
                    model=ask.model,
                    messages=ask.messages,
                    stream=True,
                    stream_options={"include_usage": True},
                    max_retries=0,
                    keep=(stack, opened),
                    **self._max_tokens(ask),
                )
            except Exception as error:
                raise while_opening(error) from None
            answer = _Answer(texts, opened[0])
            stack.push_async_callback(answer.aclose)
            yield answer

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _complete(
        self, *, keep: tuple[AsyncExitStack, list[Completion]], **arguments: Any
    ) -> Completion:
        """What Instructor calls for the completion; `keep` is given the open response."""
        stack, opened = keep
        try:
            stream = await self._open(**arguments)
        except Exception as error:
            # Instructor logs what it is given: let that be words of ours.
            raise while_opening(error) from None
        body: Body = stream.response.extensions[BODY]
        stack.push_async_callback(stream.response.aclose)
        completion = Completion(body, in_tools=self._mode is instructor.Mode.TOOLS)
        opened.append(completion)
        return completion

    def _max_tokens(self, ask: Ask) -> dict[str, int]:
        return {} if ask.max_tokens is None else {self._max_tokens_field: ask.max_tokens}

    def _seam(self, model: type[BaseModel]) -> type[BaseModel]:
        """The class for Instructor: one for each response model, never one for each request."""
        if model not in self._seams:
            both = create_model(model.__name__, __base__=(model, _Seam), __doc__=model.__doc__)
            self._seams[model] = cast(type[BaseModel], response_schema(both))
        return self._seams[model]


class _Answer:
    """The text that Instructor takes out of a completion."""

    def __init__(self, texts: AsyncIterator[str], completion: Completion) -> None:
        self._texts = texts
        self._completion = completion

    @property
    def active(self) -> float:
        return self._completion.active

    @property
    def finish(self) -> str | None:
        return self._completion.finish

    @property
    def refused(self) -> bool:
        return self._completion.refused

    @property
    def usage(self) -> Usage | None:
        return self._completion.usage

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            return await anext(self._texts)
        except (StopAsyncIteration, ProviderError):
            raise
        except Exception as error:
            raise while_reading(error) from None

    async def aclose(self) -> None:
        """Close what is between the text and the connection."""
        await cast(Any, self._texts).aclose()
        await self._completion.aclose()
