"""Each dialect of a JSON Schema: its keywords, and what its values come to."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel, Field, RootModel, TypeAdapter
from typing_extensions import TypedDict

from app.partial.decoder import Decoder
from app.partial.invalid import Invalid
from app.partial.plan import plan
from app.partial.value import plain as plain_value
from app.schemas import plain, strict
from app.schemas.asked import AskedJsonSchema
from app.schemas.dialects import DIALECTS, Dialect, Unsayable, in_dialect
from app.schemas.registry import load
from app.schemas.subschemas import everywhere, wrapped
from tests.partial.kinds import STRINGS, WHOLES
from tests.partial.zoo import ZOO
from tests.schemas.asked_types import TYPES
from tests.support.from_schema import values

META = json.loads('{"$schema": "https://json-schema.org/draft/2020-12/schema"}')


def asked(type_: Any) -> dict[str, Any]:
    return wrapped("value", TypeAdapter(type_).json_schema(schema_generator=AskedJsonSchema))


RESULTS = [entry.schema.result for entry in load("schemas")]


def said(schema: dict[str, Any], dialect: Dialect, *, examples: bool = True) -> Any:
    """The schema in a dialect; None where `strict` can't say it."""
    try:
        return in_dialect(schema, dialect, examples=examples)
    except Unsayable:
        if dialect != "strict":
            raise
        return None


SHIPPED = [next(entry.response_models).json_schema for entry in load("schemas")]
SCHEMAS = [*SHIPPED, *map(asked, [*TYPES, *(kind.type for kind in [*STRINGS, *WHOLES, *ZOO])])]


@pytest.mark.parametrize("examples", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_dialect_makes_is_a_json_schema_in_its_keywords(
    dialect: Dialect, examples: bool
) -> None:
    keywords: Any = {"strict": strict.KEYWORDS, "plain": plain.KEYWORDS}.get(dialect)
    for schema in SCHEMAS:
        before = json.dumps(schema)
        made = said(schema, dialect, examples=examples)
        if made is None:
            continue
        jsonschema_rs.meta.validate({**META, **made})
        assert json.dumps(schema) == before
        for part in everywhere(made):
            assert keywords is None or part.keys() <= keywords
            assert examples or "examples" not in part
            if dialect in ("inline", "plain"):
                assert not part.keys() & {"$ref", "$defs"}


def test_every_object_of_strict_is_closed_and_requires_all() -> None:
    for schema in SHIPPED:
        made = in_dialect(schema, "strict")
        for part in everywhere(made):
            if "properties" in part:
                assert part["required"] == list(part["properties"])
                assert part["additionalProperties"] is False
            if "$ref" in part:
                assert part.keys() == {"$ref"}


class Owner(BaseModel):
    name: str = "nobody"
    role: str | None = "editor"


class Film(TypedDict, total=False):
    title: str
    tags: list[str]


class Optional(BaseModel):
    """Whatever may be left out."""

    number: int = 5
    text: str = "seven"
    many: list[int] = [1]
    owner: Owner = Owner()
    film: Film = {}
    maybe: int | None = 6
    kind: Literal["a", "b"] = "a"
    made: Annotated[list[str], Field(default_factory=lambda: ["x"], max_length=2)]
    next: Optional | None = None


ABSENT = {"number": 5, "text": "seven", "many": [1], "owner": {"name": "nobody", "role": "editor"}}


def test_a_null_of_strict_takes_the_default_and_is_never_shown() -> None:
    schema = in_dialect(asked(Optional), "strict")
    nulls = dict.fromkeys(schema["$defs"]["Optional"]["properties"])
    text = json.dumps({"value": nulls})
    assert jsonschema_rs.is_valid(schema, json.loads(text))
    decoder = Decoder(plan(Optional), key="value", null_is_absent=True)
    for at, character in enumerate(text):
        for operation in decoder.feed(character):
            assert at < len(text) - 2 or operation.value is not None or operation.path == ("next",)
    decoder.finish()
    assert plain_value(decoder.value) == {
        **ABSENT,
        "film": {},
        "maybe": None,
        "kind": "a",
        "made": ["x"],
        "next": None,
    }
    with pytest.raises(Invalid):
        Decoder(plan(Optional), key="value").feed(text)


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class Chain(BaseModel):
    next: Chain | None


class Endless(BaseModel):
    next: Endless


@pytest.mark.parametrize("type_", [Tree, Chain])
def test_inline_cuts_a_recursion_where_it_may_end(type_: Any) -> None:
    full = asked(type_)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(in_dialect(full, "inline")))
    def check(value: Any) -> None:
        assert jsonschema_rs.is_valid(full, value)

    check()


@pytest.mark.parametrize("dialect", ["inline", "plain"])
def test_a_recursion_without_an_end_is_refused(dialect: Dialect) -> None:
    with pytest.raises(Unsayable, match="every value would hold itself"):
        in_dialect(asked(Endless), dialect)


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (dict[str, int], "an object with free keys"),
        (dict[str, Any], "an object with free keys"),
        (Any, "a value of any type"),
        (list[Any], "a value of any type"),
        (tuple[int, str], "a tuple of different types"),
    ],
)
def test_strict_refuses_what_it_can_not_say(type_: Any, reason: str) -> None:
    with pytest.raises(Unsayable, match=reason):
        in_dialect(asked(type_), "strict")


def test_strict_refuses_a_root_that_is_no_closed_object() -> None:
    with pytest.raises(Unsayable, match="an object with free keys"):
        in_dialect(TypeAdapter(RootModel[dict[str, int]]).json_schema(), "strict")
    with pytest.raises(Unsayable, match="its root is no object"):
        in_dialect({"anyOf": [{"type": "object"}]}, "strict")


def test_what_is_dropped_is_said_in_words() -> None:
    class Note(BaseModel):
        text: Annotated[str, Field(description="Short.", max_length=9, examples=["a", "b"])] = "x"

    made = in_dialect(asked(Note), "strict")["properties"]["value"]["properties"]["text"]
    assert made["description"] == "Short."
    assert made["anyOf"][0]["description"] == (
        'Default: "x". Examples: "a", "b". Characters: at most 9.'
    )
    bare = in_dialect(asked(Note), "strict", examples=False)["properties"]["value"]["properties"]
    assert "Examples" not in str(bare)


SAID_OTHERWISE = {"oneOf", "discriminator", "default", "examples", "format", "prefixItems"}


def is_said(schema: dict[str, Any]) -> bool:
    """Whether `strict` has a keyword for all that a schema says."""
    return all(
        part.keys() <= strict.KEYWORDS | SAID_OTHERWISE and part.get("pattern", "^")[0] == "^"
        for part in everywhere(schema)
    )


@pytest.mark.parametrize("type_", [*TYPES, Optional, Owner, Film, *RESULTS], ids=str)
def test_what_strict_allows_is_valid(type_: Any) -> None:
    full = asked(type_)
    schema = said(full, "strict")
    if schema is None:
        return
    root = plan(type_)

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(schema))
    def check(value: Any) -> None:
        decoder = Decoder(root, key="value", null_is_absent=True)
        try:
            decoder.feed(json.dumps(value))
            decoder.finish()
        except Invalid as error:
            if is_said(full):
                pytest.fail(f"{value}: {error.errors}")

    check()
