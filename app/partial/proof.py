"""The proof: Pydantic validates the whole text of an answer once more.

The decoder validates each place by itself, while the answer is written. For most types the result
is proved to be the same as if Pydantic validated the whole: strings, numbers, lists, dicts, and
objects whose fields have one name each. It is not proved if the schema has its own validators, or
if two fields read the same key, or one field reads two keys. For such types the answer's text is
kept, and Pydantic must accept it before the answer counts as complete. The value is still that of
the decoder, because readers have seen it, and a default factory could make another one.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import SchemaValidator

from app.partial.absence import with_absences
from app.partial.definitions import Definitions
from app.partial.layers import NOT_SCHEMAS, Schema

_SCALARS = ("any", "none", "bool", "int", "float", "decimal", "str", "bytes", "literal", "enum")
_MOMENTS = ("date", "time", "datetime", "timedelta", "uuid", "url", "multi-host-url")
_CONTAINERS = ("list", "tuple", "set", "frozenset", "dict", "nullable", "union", "tagged-union")
_OBJECTS = ("model", "model-fields", "model-field", "dataclass", "dataclass-args")
_FIELDS = ("dataclass-field", "typed-dict", "typed-dict-field", "computed-field")
_OTHERS = ("default", "definitions", "definition-ref")

PROVED: Final = frozenset((*_SCALARS, *_MOMENTS, *_CONTAINERS, *_OBJECTS, *_FIELDS, *_OTHERS))
"""The core schema types for which validation in parts gives the same result. `_is_odd` finds the
exceptions."""

_ODD_CONFIG = ("strict", "validate_by_name", "populate_by_name", "validate_default")


class Proof:
    """Validates whole answers by `schema`, the core schema of the value."""

    def __init__(self, schema: Schema, definitions: Definitions) -> None:
        self._schema = schema
        self._definitions = definitions
        self._validators: dict[tuple[str | None, bool], SchemaValidator] = {}

    def check(
        self, text: bytes | bytearray, key: str | None, *, null_is_absent: bool = False
    ) -> None:
        """Validate an answer that is wrapped at `key` (None: it is not).

        null_is_absent: as `Decoder` has it

        Before and after the JSON there may be prose without brackets. Raises what Pydantic
        raises.
        """
        kind = (key, null_is_absent)
        if kind not in self._validators:
            self._validators[kind] = self._validator(key, null_is_absent=null_is_absent)
        self._validators[kind].validate_json(_json(text))

    def _validator(self, key: str | None, *, null_is_absent: bool) -> SchemaValidator:
        schema, definitions = self._schema, self._definitions
        if null_is_absent:
            schema = with_absences(schema)
            definitions = Definitions(
                {name: with_absences(definitions[name]) for name in definitions}
            )
        if key is not None:
            field = {"type": "typed-dict-field", "schema": schema}
            schema = {"type": "typed-dict", "fields": {key: field}}
        make = definitions.changed_validator if null_is_absent else definitions.validator
        return make(schema, {})


def needs_proof(schema: Schema, definitions: Definitions) -> bool:
    """Whether a schema has any part for which validation in parts is not proved."""
    stack: list[Any] = [schema, *definitions.values()]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            is_schema = isinstance(part.get("type"), str)  # otherwise its keys are field names
            if is_schema and (part["type"] not in PROVED or _is_odd(part)):
                return True
            stack.extend(part[key] for key in part if not (is_schema and key in NOT_SCHEMAS))
        elif isinstance(part, list | tuple):
            stack.extend(part)
    return False


def _is_odd(schema: Schema) -> bool:
    config = schema.get("config") or {}
    return bool(
        any(config.get(setting) for setting in _ODD_CONFIG)
        or schema.get("strict")
        or schema.get("custom_init")
        or schema.get("post_init")
        or schema.get("validate_default")
        or schema.get("on_error", "raise") != "raise"
        or schema.get("default_factory_takes_data")
        or "allow" in (schema.get("extra_behavior"), config.get("extra_fields_behavior"))
        or not _is_one_key(schema.get("validation_alias"))
        or not _is_one_key(schema.get("discriminator"))
    )


def _is_one_key(alias: object) -> bool:
    """Whether an alias or a discriminator names a single key of the object itself."""
    if alias is None or isinstance(alias, str):
        return True
    return isinstance(alias, list) and len(alias) == 1 and _is_one_key(alias[0])


def _json(text: bytes | bytearray) -> bytes | bytearray:
    """The text from the first bracket to the last."""
    start = min(at for at in (text.find(b"["), text.find(b"{")) if at >= 0)
    return text[start : max(text.rfind(b"]"), text.rfind(b"}")) + 1]
