"""Prompts: made of parameters by a schema's own function, and checked."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from app.errors import Internal
from app.schema import Parameters, Prompt, Schema


async def render(schema: Schema, parameters: Parameters) -> Prompt:
    """The prompt for these parameters.

    Raises Internal if a coroutine takes longer than the schema's deadline, TypeError if the
    schema's function gives something else than two strings, and what the function raises.
    """
    made: Any = schema.prompt(parameters)
    if inspect.isawaitable(made):
        made = await _in_time(made, schema.deadlines.prompt)
    return checked(made)


async def _in_time(making: Any, seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await making
    except TimeoutError:
        if not deadline.expired():  # something in the schema's own code has timed out
            raise
        late = Internal()
        late.cause = "prompt"
        raise late from None


def try_out(schema: Schema, parameters: Parameters) -> Prompt | None:
    """The prompt; None if a coroutine makes it. Raises what `render` raises, but Internal.

    A coroutine isn't run: what it would look up may not be there yet when the service starts, and
    looking it up may take time.
    """
    made: Any = schema.prompt(parameters)
    if inspect.iscoroutine(made):
        made.close()  # else Python warns that nobody has awaited it
        return None
    return checked(made)


def checked(made: Any) -> Prompt:
    """What a schema's function has made, if it is a prompt. Raises TypeError if it isn't one."""
    if not isinstance(made, Prompt):
        raise TypeError(f"it gave {_kind(made)}, and not a Prompt")
    for name, part in zip(("system", "user"), made, strict=True):
        if not isinstance(part, str):
            raise TypeError(f"the {name} part of its Prompt is {_kind(part)}, and not a string")
    return made


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
