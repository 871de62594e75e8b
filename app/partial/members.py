"""The members of a class's core schema: of a model, a dataclass or a typed dict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic_core import MISSING

from app.partial.layers import Schema


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a class.

    keys: the keys that it may have in the JSON text
    paths: the first keys of its alias paths, which lead into other values
    out: the key under which it is shown; None if it is excluded
    vanishing: whether its value decides if it is shown (`exclude_if`)
    """

    name: str
    schema: Schema
    keys: tuple[str, ...]
    paths: tuple[str, ...]
    out: str | None
    required: bool
    vanishing: bool


@dataclass(frozen=True)
class Members:
    """All members of a class.

    hooks: whether the class runs its own code after its members (`post_init`, computed fields)
    particular: whether the class validates JSON in another way than Python values
    """

    members: list[Member]
    computed: dict[str, Schema]
    extra: str
    config: Schema
    hooks: bool
    particular: bool

    @cached_property
    def read_at_close(self) -> frozenset[str]:
        """The first keys of alias paths, and the keys of members that share a key with another."""
        paths = {key for member in self.members for key in member.paths}
        shared = {key for member in self.members if self.shares(member) for key in member.keys}
        return frozenset(paths | shared)

    def shares(self, member: Member) -> bool:
        """Whether another member has one of its keys, too."""
        return any(self._readers[key] > 1 for key in member.keys)

    @property
    def written_twice(self) -> str | None:
        """A key under which two members are serialized; None if there is no such key."""
        written = [member.out for member in self.members if member.out is not None]
        counted = Counter([*written, *self.computed])
        return next((key for key, count in counted.items() if count > 1), None)

    @cached_property
    def _readers(self) -> Counter[str]:
        return Counter(key for member in self.members for key in member.keys)


def is_wrapped(base: Schema) -> bool:
    """Whether other code gets the input before the members, or makes the instance itself."""
    return bool(base.get("custom_init")) or _holder(base) is not _innermost(base)


def title(base: Schema) -> str:
    """The class's name."""
    name = base.get("cls_name") or getattr(base.get("cls"), "__name__", "Object")
    return str(name)


def members(base: Schema, config: Schema) -> Members:
    """The members of a class's base schema, in order; `config` applies to it."""
    holder = _innermost(base)
    own: Schema = base.get("config", {})
    if base["type"] != "model" and not own:
        own = config
    if base["type"] == "typed-dict":
        own = _validating(own) | _writing(config)
    fields = holder["fields"]
    named = fields.items() if isinstance(fields, dict) else [(f["name"], f) for f in fields]
    typed_dict = holder["type"] == "typed-dict"
    total = holder.get("total", True)
    computed = {
        field.get("alias", field["property_name"]): field["return_schema"]
        for field in holder.get("computed_fields", ())
    }
    return Members(
        members=[
            _member(name, field, own, required=_is_required(field, total or not typed_dict))
            for name, field in named
        ],
        computed=computed,
        extra=holder.get("extra_behavior") or own.get("extra_fields_behavior", "ignore"),
        config=own,
        hooks=bool(base.get("post_init") or computed),
        particular="extras_schema" in holder
        or "extras_keys_schema" in holder
        or (base["type"] != "typed-dict" and bool(base.get("strict", own.get("strict")))),
    )


def with_residuals(base: Schema, residuals: Mapping[str, Schema]) -> Schema:
    """The base schema in which each member's schema is replaced by its residual."""
    base = {key: value for key, value in base.items() if key != "ref"}
    if base["type"] == "typed-dict":
        return {**base, "fields": _replaced(base["fields"], residuals)}
    inner = base["schema"]
    return {**base, "schema": {**inner, "fields": _replaced(inner["fields"], residuals)}}


def _replaced(fields: Any, residuals: Mapping[str, Schema]) -> Any:
    if isinstance(fields, dict):
        return {name: {**field, "schema": residuals[name]} for name, field in fields.items()}
    return [{**field, "schema": residuals.get(field["name"], field["schema"])} for field in fields]


def _validating(config: Schema) -> Schema:
    return {key: value for key, value in config.items() if not key.startswith("ser_json")}


def _writing(config: Schema) -> Schema:
    """The part for serialization: a typed dict is serialized by the config of its container."""
    return {key: value for key, value in config.items() if key.startswith("ser_json")}


def _is_required(field: Schema, total: bool) -> bool:
    """Whether a member is always there. One of a typed dict, or with MISSING, may be absent."""
    schema = field["schema"]
    if schema["type"] == "default" and schema.get("default") is MISSING:
        return False
    return bool(field.get("required", total))


def _member(name: str, field: Schema, config: Schema, *, required: bool) -> Member:
    keys, paths = _names(name, field, config)
    out = field.get("serialization_alias", name)
    return Member(
        name=name,
        schema=field["schema"],
        keys=tuple(dict.fromkeys(keys)),
        paths=paths,
        out=None if field.get("serialization_exclude") or field.get("init_only") else out,
        required=required,
        vanishing=bool(field.get("serialization_exclude_if")),
    )


def _names(name: str, field: Schema, config: Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys that a member may have, and the first keys of longer paths to it."""
    if not field.get("init", True):
        return (), ()
    alias = field.get("validation_alias")
    if alias is None:
        return (name,), ()
    by_name = config.get("validate_by_name", config.get("populate_by_name", False))
    keys = [name] if by_name else []
    if not config.get("validate_by_alias", True):
        return tuple(keys), ()
    if isinstance(alias, str):
        return (alias, *keys), ()
    choices = alias if isinstance(alias[0], list) else [alias]
    short = [choice[0] for choice in choices if len(choice) == 1]
    long = [choice[0] for choice in choices if len(choice) > 1]
    return (*short, *keys), (*short, *long, *keys) if long else ()


def _holder(base: Schema) -> Schema:
    schema: Schema = base if base["type"] == "typed-dict" else base["schema"]
    return schema


def _innermost(base: Schema) -> Schema:
    schema = _holder(base)
    while "fields" not in schema:
        schema = schema["schema"]
    return schema
