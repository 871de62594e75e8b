"""What holds of the decoder, whatever text a model writes, and however it is cut.

    data = (which type) (how it is cut) (the text, in UTF-8)

Nothing here knows of the fuzzer: `__main__.py` runs it, `test_decoder.py` the seeds alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from app.demo.text import write_value
from app.partial.decoder import Decoder
from app.partial.document import Document
from app.partial.invalid import Invalid
from app.partial.node import Node
from app.partial.operation import Path
from app.partial.plan import plan
from app.partial.value import dumps, loads
from tests.partial.classes import Generated
from tests.partial.test_properties import changed, legal
from tests.partial.texts import pieces, run
from tests.partial.zoo import ZOO
from tests.support.schema_files import REGISTRY

HEAD = 2
BOUND = 3
LONGEST = 4096


@dataclass(frozen=True)
class Target:
    """A type to decode. key: what it is wrapped at; bound: of its list."""

    type: Any
    root: Node
    adapter: TypeAdapter[Any]
    key: str | None
    bound: int | None

    def decoder(self) -> Decoder:
        return Decoder(self.root, key=self.key, bound=self.bound)

    def is_valid(self, text: str) -> bool:
        """Whether Pydantic takes the whole document."""
        try:
            value = self.adapter.validate_json(text)
            self.adapter.dump_json(value, by_alias=True, warnings=False)
        except (ValidationError, PydanticSerializationError):
            return False
        return True


@cache
def targets() -> list[Target]:
    """The schemas as they are served, each class of the zoo, and bare JSON."""
    found = [(entry.schema.result, entry.root_key, entry.is_list) for entry in REGISTRY]
    types = [kind.type for kind in ZOO if kind.type is not Generated]  # never the same twice
    types += [dict[str, JsonValue], list[JsonValue], dict[str, list[int]]]
    made = [Target(type_, plan(type_), TypeAdapter(type_), None, None) for type_ in types]
    return [
        *(
            Target(type_, plan(type_), TypeAdapter(type_), key, BOUND if is_list else None)
            for type_, key, is_list in found
        ),
        *made,
    ]


def check(data: bytes) -> None:
    """Decode it at once and in pieces. Raises AssertionError where a promise is broken."""
    if len(data) < HEAD or len(data) > LONGEST:
        return
    target = targets()[data[0] % len(targets())]
    text = data[HEAD:].decode("utf-8", "replace")
    at_once = target.decoder()
    _, error = run(at_once, [text])
    decoder = target.decoder()
    failed = _in_pieces(decoder, pieces(text, Random(data[1])))
    # Of two flaws either may be told: of a string that is too long, and then not JSON.
    assert (failed is None) is (error is None)
    assert (decoder.done, decoder.stopped) == (at_once.done, at_once.stopped)
    if failed is None:
        assert decoder.done
        shown = _canonical(dumps(decoder.value))
        assert shown == _canonical(dumps(at_once.value))
        written = target.adapter.dump_json(decoder.result, by_alias=True, warnings=False)
        assert shown == _canonical(written)
    if target.key is None and _is_one_container(text):
        assert target.is_valid(text) is (failed is None)


def _in_pieces(decoder: Decoder, cut: list[str]) -> Invalid | None:
    """Each operation is a legal step from the last state to the next; what went wrong."""
    document = Document()
    value: Any = None
    replaced: set[Path] = set()
    try:
        for piece in cut:
            operations = decoder.feed(piece)
            for operation in operations:
                legal(value, operation, replaced, root_changes=decoder.done)
                value = changed(value, operation)
            document.apply(operations)
            assert value == decoder.value
            assert document.encode() == dumps(decoder.value)
        decoder.finish()
    except Invalid as error:
        assert not decoder.done
        return error
    return None


def _canonical(data: bytes) -> str:
    return json.dumps(json.loads(data), sort_keys=True)


def _is_one_container(text: str) -> bool:
    """Whether it is JSON as we take it, with nothing around it that would be passed over."""
    bare = text.strip(" \t\r\n")
    if bare[:1] not in ("{", "["):
        return False
    try:
        loads(bare)
    except ValueError:
        return False
    return True


def seeds() -> Iterator[bytes]:
    """A valid answer for each target, as the demo model writes it, and some of its ways to err."""
    for at, target in enumerate(targets()):
        schema = target.adapter.json_schema(by_alias=True)
        text = json.dumps(write_value(schema, "tea", "0"), ensure_ascii=at % 2 == 0)
        if target.key:
            text = f'{{"{target.key}": {text}}}'
        head = bytes([at, at])
        yield head + text.encode()
        yield head + f"```json\n{text}\n```".encode()
        yield head + text[: len(text) // 2].encode()
