"""Asks a model one small question in each way, and says what came of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import BaseModel, Field

from app.errors import ServiceError
from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from app.providers.asking.next_way import next_way
from app.providers.asking.provider import ApiProvider
from app.providers.asking.refusal import Refusal, Refused
from app.providers.asking.way import Way
from app.providers.base import Completion, CompletionRequest, Finish
from app.providers.factory import PROVIDERS
from app.providers.model_settings import ModelSettings
from app.schemas.asked_model import AskedModel

SECONDS: Final = 30
"""How long a model has for its answer in one way."""

TRIES: Final = 8
"""How often it is asked in one way, at most, each time without what it has refused."""

MAX_TOKENS: Final = 2000


class City(BaseModel):
    """A city."""

    name: str


class Cities(BaseModel):
    """Two large cities of a country."""

    country: str
    cities: Annotated[list[City], Field(min_length=1, max_length=2)]


_ASKED: Final = AskedModel("Cities", "Two large cities of a country.", Cities.model_json_schema())
_MESSAGES: Final = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "Which are two large cities of France?"},
]
_REQUEST: Final = CompletionRequest("check", _MESSAGES, _ASKED, MAX_TOKENS)
_PLAN: Final = plan(Cities, keep=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of asking in one way.

    way: its name
    works: whether a whole and valid value came
    answer: `works`, or else the status, code and field of the refusal, or the error's code
    first_content: seconds
    tokens_per_second: None where the provider does not tell its tokens
    settings: what to write for this way; None unless it works
    """

    way: str
    works: bool
    answer: str
    first_content: float | None = None
    tokens_per_second: float | None = None
    usage: bool = False
    settings: str | None = None


async def check(settings: ModelSettings) -> AsyncIterator[Checked]:
    """Ask a model in each way. Each answer has its deadline."""
    provider = PROVIDERS[settings.provider](settings)
    try:
        for name, way in _ways(provider).items():
            yield await _checked(provider, name, way)
    finally:
        await provider.aclose()


def _ways(provider: ApiProvider) -> dict[str, Way]:
    """The ways that a model is asked in, by name, in the order in which `auto` tries them.

    Those that are the same for its API are there once.
    """
    first = replace(provider.requests.first_way(), dialect="full")
    ways: dict[str, Way] = {
        "tools": replace(first, mode="tools"),
        "tools, not forced": replace(first, mode="tools", tool_choice="auto"),
        "json_schema, strict": replace(first, mode="json_schema", dialect="strict"),
        "json_schema": replace(first, mode="json_schema"),
        "json": replace(first, mode="json"),
        "md_json": replace(first, mode="md_json"),
    }
    bodies = [provider.requests.body(way, _REQUEST) for way in ways.values()]
    return {
        name: way for at, (name, way) in enumerate(ways.items()) if bodies[at] not in bodies[:at]
    }


async def _checked(provider: ApiProvider, name: str, way: Way) -> Checked:
    clock = asyncio.get_running_loop().time
    answer = ""
    for _ in range(TRIES):
        began = clock()
        try:
            async with asyncio.timeout(SECONDS), provider.complete_by(way, _REQUEST) as completion:
                checked = await _read(completion, name, began)
            told = provider.requests.settings_for(way) if checked.works else None
            return replace(checked, settings=told)
        except Refused as refused:
            answer = _words(refused.refusal)
            following = next_way(way, refused.refusal)
            if following is None or not _is_the_same(way, following):
                break
            way = following
        except TimeoutError:
            answer = f"no answer in {SECONDS} s"
            break
        except Invalid:
            answer = "output_invalid"
            break
        except ServiceError as error:
            answer = error.code
            break
    return Checked(way=name, works=False, answer=answer)


async def _read(completion: Completion, name: str, began: float) -> Checked:
    """Read an answer to its end. Raises `Invalid`, `ServiceError`. began: when it was asked for"""
    clock = asyncio.get_running_loop().time
    first, decoder = None, Decoder(_PLAN)
    async for piece in completion:
        first = first or clock()
        decoder.feed(piece)
    ended = clock()
    if completion.finish is not Finish.STOP:
        return Checked(way=name, works=False, answer=f"finish {completion.finish or 'missing'}")
    decoder.finish()
    tokens = completion.usage.output_tokens if completion.usage else None
    return Checked(
        way=name,
        works=True,
        answer="works",
        first_content=None if first is None else first - began,
        tokens_per_second=tokens / (ended - first) if tokens and first and ended > first else None,
        usage=completion.usage is not None,
    )


def _is_the_same(way: Way, other: Way) -> bool:
    """Whether two ways differ in nothing but fields, or in how much of JSON Schema they use."""
    same = (way.mode, way.tool_choice) == (other.mode, other.tool_choice)
    return same and (way.dialect == "strict") == (other.dialect == "strict")


def _words(refusal: Refusal) -> str:
    """What may be shown of a refusal: its status, and a code and a field that look like such."""
    parts = [str(refusal.status)]
    for part in (refusal.code, refusal.param):
        if part and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,63}", part):
            parts.append(part)
    return " ".join(parts)
