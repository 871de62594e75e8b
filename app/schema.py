"""Everything that a file in `schemas/` imports from the service.

    from app.schema import ListParameters, Prompt, Schema, quote

Such a file defines the models of its result, the model of its parameters, and a function that
makes a prompt of the parameters. One module-level `schema = Schema(…)` puts them together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema


class _Mark:
    """An annotation for `app/partial`. It does not change how a value is validated."""

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
    """A copy of the definition that a schema refers to, under a new name.

    If there is another annotation around the mark (`Strict()`, `Field(min_length=1)`), Pydantic
    uses the definition and drops the reference. A mark on the reference would be lost.
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
"""`Annotated[HttpUrl, Whole]`: the value is not shown before it is complete, whatever its type."""

NotNull: Final = _Mark("NotNull")
"""`Annotated[str, NotNull]`: the object with this field is not shown before it is known."""


class Parameters(BaseModel):
    """The parameters of every schema: a topic of 1 to 500 characters after trimming.

    A schema may declare `topic` again, as a string with other bounds, or with a default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
        # JSON Schema can't express trimming: any white space may precede the first other character.
        # The pattern begins with `[\s\S]*`, as some validators match only at the beginning.
        Field(json_schema_extra={"pattern": r"[\s\S]*\S"}),
    ]


class ListParameters(Parameters):
    """The parameters of a schema whose result is a list. `count` is the list's upper bound."""

    count: Annotated[int, Field(ge=1, le=20)] = 5


class Prompt(NamedTuple):
    """The two parts of a request to the model."""

    system: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Deadlines of a schema's own, or a model's, in seconds.

    first_content, gap, total: None takes that of the model, and then the service's setting
    prompt, done: of the schema's own coroutines of these names
    """

    first_content: float | None = None
    gap: float | None = None
    total: float | None = None
    prompt: float = 5
    done: float = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """What a schema's `done` is told of the stream, beside its value and its parameters.

    stream: its id
    schema, schema_version: as in the stream's `start`
    model: the one that has written the value, or the rest of it
    caller: the name of the key with which it was begun; "" if the service has no keys
    subject: that of the ticket with which it was begun; "" if there was none
    request_id: that of the call that began it
    input_tokens, output_tokens: of all attempts; None if the provider has not told them
    duration_ms: from the request to the end
    """

    stream: str
    schema: str
    schema_version: str
    model: str
    caller: str
    subject: str
    request_id: str
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: int


Done = Callable[[Any, Any, StreamInfo], Awaitable[None]]
"""A coroutine function of a final value, its parameters, and the facts of its stream."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A schema, which is one endpoint.

    description: one sentence about it

    result: a Pydantic model, or `list[Model]`, whose bound is then 1 ≤ length ≤ `count`
    parameters: a model that inherits `Parameters` (for a list, `ListParameters`)
    prompt: a function that makes a `Prompt` of the parameters; it may be a coroutine function
    examples: parameters to try, as JSON objects
    model: the one that is asked unless a request chooses another; None takes the service's default
    max_tokens: the most tokens that the model may write; None leaves it to the provider
    options: fields of the request to the provider, as JSON; a None takes a field out
    deadlines: where the service's own do not fit
    max_body_bytes: the most bytes of a request's body; None takes the service's setting
    done: a coroutine function that is called once for each stream that has ended in `done`
    name: the endpoint's name; None takes the file's, with `-` for `_`
    """

    description: str
    result: Any
    parameters: type[Parameters]
    prompt: Callable[[Any], Prompt | Awaitable[Prompt]]
    examples: Sequence[Mapping[str, Any]] = ()
    model: str | None = None
    max_tokens: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)
    max_body_bytes: int | None = None
    done: Done | None = None
    name: str | None = None


def quote(name: str, text: str) -> str:
    """Put a text that is data, not instructions, between delimiters: `<name>…</name>`.

    The text can't forge the delimiters, as `<`, `>` and `&` in it become entities.
    """
    data = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>\n{data}\n</{name}>"
