"""What a file in `schemas/` imports, and all that it imports from the service.

    from app.schema import ListParameters, Prompt, Schema, quote

A file defines the models of its result, the model of its parameters, a function from
parameters to a prompt, and binds them in one module-level `schema = Schema(…)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema


class _Mark:
    """An annotation that leaves validation alone and tells the partial engine something."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = _definition(handler(source), handler, self.key)
        schema["metadata"] = {**schema.get("metadata", {}), self.key: True}
        return cast(CoreSchema, schema)

    def __repr__(self) -> str:
        return self.key


def _definition(schema: CoreSchema, handler: GetCoreSchemaHandler, key: str) -> dict[str, Any]:
    """A copy of what a schema refers to, under a name of its own.

    An annotation around the mark (`Strict()`, `Field(min_length=1)`) makes Pydantic go on with
    the definition, and a mark at the reference would be lost.
    """
    reference = cast(dict[str, Any], schema)
    if reference["type"] != "definition-ref":
        return reference
    try:
        found = cast(dict[str, Any], handler.resolve_ref_schema(schema))
    except LookupError:  # a class that refers to itself, and is not yet complete
        return reference
    metadata = {**found.get("metadata", {}), **reference.get("metadata", {})}
    return {**found, "ref": f"{found['ref']}_{key}", "metadata": metadata}


Whole: Final = _Mark("Whole")
"""`Annotated[HttpUrl, Whole]`: withheld until it is complete, whatever its type."""

NotNull: Final = _Mark("NotNull")
"""`Annotated[str, NotNull]`: the object that holds it is not shown before this is known."""


class Parameters(BaseModel):
    """What every schema takes: a topic of 1 to 500 characters after trimming."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class ListParameters(Parameters):
    """Parameters of a schema whose result is a list: `count` is the list's upper bound."""

    count: Annotated[int, Field(ge=1, le=20)] = 5


class Prompt(NamedTuple):
    """The two parts of a request to the model."""

    system: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds; None: the service's own setting."""

    first_content: float | None = None
    gap: float | None = None
    total: float | None = None


@dataclass(frozen=True, kw_only=True)
class Schema:
    """One endpoint.

    result: a Pydantic model, or `list[Model]`, whose bound is then 1 ≤ length ≤ `count`
    parameters: a model that inherits `Parameters` (for a list, `ListParameters`)
    prompt: parameters in, a `Prompt` out
    examples: parameters to try, as JSON objects
    max_tokens: the most that the model may write; None leaves it to the provider
    name: the endpoint's; None takes the file's name, `_` becoming `-`
    """

    description: str
    result: Any
    parameters: type[Parameters]
    prompt: Callable[[Any], Prompt]
    examples: Sequence[Mapping[str, Any]] = ()
    max_tokens: int | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    name: str | None = None


def quote(name: str, text: str) -> str:
    """Delimit text that is data, never instructions: `<name>…</name>`.

    The delimiters can't be forged: `<` and `>` are written as entities inside.
    """
    data = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>\n{data}\n</{name}>"
