"""Finds the schemas, and refuses those that can't be served.

A schema is a file with a module-level `schema = Schema(…)`. A bad one stops the start, with the
file and the reason, so that it can't fail a request later.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from pydantic import AliasChoices, AliasPath, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo

from app.errors import UnknownSchema
from app.providers.options import faults
from app.schema import Deadlines, Parameters, Schema
from app.schemas.entry import SchemaEntry
from app.schemas.field_examples import fault
from app.schemas.least import least
from app.schemas.names import PATTERN
from app.schemas.place import line_of, line_of_field, line_of_part
from app.schemas.prompts import try_out

__all__ = ["Registry", "SchemaEntry", "SchemaError", "load"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder that holds `app/`. Relative paths in `SCHEMAS` are relative to it."""

RESERVED_NAMES: Final = frozenset(
    {"streams", "schemas", "tickets", "healthz", "readyz", "metrics", "docs", "redoc"}
    | {"openapi", "static", "assets", "web", "index", "favicon"}
)
"""The first segments of the service's own paths, and of some that it may need later."""

RESERVED_PARAMETERS: Final = frozenset(
    {"schema", "view", "interval_ms", "resumable", "model", "reasoning"}
    | {"idempotency_key", "last_event_id", "ticket"}
)
"""Keys that mean something to the service itself, in a query or in a body of `POST /streams`."""


_OURS: Final = "of_structured_streams"
"""The attribute that marks the package `schemas` as made here."""


class SchemaError(Exception):
    """A file can't be served. The message names the `file`, the `line` and the `reason`.

    line: None looks for the line of the part of `schema = Schema(…)` that the reason names. Faults
        such as a missing folder have no line
    """

    def __init__(self, file: Path, reason: str, line: int | None = None) -> None:
        self.file = file
        self.reason = reason
        self.line = line if line is not None else line_of_part(file, reason)
        self.place = _short(file) if self.line is None else f"{_short(file)}:{self.line}"
        super().__init__(f"{self.place}: {reason}")


class Registry:
    """The schemas by name, in the order of their files' names.

    Raises SchemaError if two have the same name.
    """

    def __init__(self, entries: Iterable[SchemaEntry]) -> None:
        self._entries: dict[str, SchemaEntry] = {}
        for entry in sorted(entries, key=lambda entry: entry.file.name):
            first = self._entries.setdefault(entry.name, entry)
            if first is not entry:
                reason = f"the name {entry.name!r} is taken by {_short(first.file)}"
                raise SchemaError(entry.file, reason)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def get(self, name: str) -> SchemaEntry:
        """The schema of this name. Raises UnknownSchema, which lists the names that exist."""
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self.names) or "none"
            message = f"There is no schema of that name. There are: {known}."
            raise UnknownSchema(message) from None

    def require_models(self, models: Collection[str]) -> None:
        """Raise SchemaError if the model of a schema's own is none of these."""
        for entry in self:
            if entry.schema.model is not None and entry.schema.model not in models:
                reason = f"its model {entry.schema.model!r} is none of {', '.join(models)}"
                raise SchemaError(entry.file, reason)

    def __iter__(self) -> Iterator[SchemaEntry]:
        return iter(self._entries.values())


Instead = Callable[["SchemaError"], SchemaEntry | None]
"""Gives what is served in place of a file that can't be served; None leaves it out."""


def load(folder: str | Path, *more: str | Path, instead: Instead | None = None) -> Registry:
    """All schemas of these folders: each `*.py` that doesn't start with `_`.

    instead: None raises SchemaError for the first file that can't be served
    Raises SchemaError for a folder that isn't there, and for two schemas of one name.
    """
    folders = folders_of((folder, *more))
    _make_package(folders)
    found = [_entry(file, instead) for folder in folders for file in _files(folder)]
    return Registry(entry for entry in found if entry is not None)


def folders_of(paths: Iterable[str | Path]) -> list[Path]:
    """The folders that these paths mean: a relative one begins at the folder that holds `app/`."""
    return [ROOT / path for path in paths]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SchemaError(folder, "there is no such folder")
    return sorted(folder.glob("[!_]*.py"))


def _make_package(folders: list[Path]) -> None:
    """Make the package `schemas` of all files in the folders, so that they can import others.

    The helpers of an earlier load are imported again, as they may have changed. A module of this
    name that is another program's, in whose process the service runs, stays and is extended.
    """
    package = sys.modules.get("schemas")
    if package is None or hasattr(package, _OURS):
        for name in [name for name in sys.modules if name.startswith("schemas.")]:
            del sys.modules[name]
        package = sys.modules["schemas"] = ModuleType("schemas")
        setattr(package, _OURS, True)
    others = [path for path in getattr(package, "__path__", ()) if path not in map(str, folders)]
    package.__path__ = [*map(str, folders), *others]


def _entry(file: Path, instead: Instead | None) -> SchemaEntry | None:
    try:
        return _served(file)
    except SchemaError as error:
        if instead is None:
            raise
        return instead(error)


def _served(file: Path) -> SchemaEntry:
    schema = getattr(_module(file), "schema", None)
    if not isinstance(schema, Schema):
        raise SchemaError(file, "it has no module-level `schema = Schema(…)`")
    entry = SchemaEntry(schema.name or file.stem.replace("_", "-"), file, schema)
    for check in CHECKS:
        if reason := check(entry):
            raise SchemaError(file, reason)
    _ = entry.version  # computed now, from the file as it was imported
    return entry


def _module(file: Path) -> ModuleType:
    name = f"schemas.{file.stem}"
    spec = spec_from_file_location(name, file)
    assert spec is not None  # the file's name ends in .py
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Pydantic looks up a model's postponed annotations in sys.modules.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        line = line_of(error, file)
        raise SchemaError(file, f"importing it failed: {_words(error)}", line) from error
    return module


def _check_kinds(entry: SchemaEntry) -> str | None:
    """Is each part of the kind that it is said to be?"""
    schema = entry.schema
    if not (isinstance(schema.description, str) and schema.description.strip()):
        return "its description is no text"
    if not (schema.name is None or isinstance(schema.name, str)):
        return f"its name is {schema.name!r}, and no string"
    if not callable(schema.prompt):
        return "its prompt is no function"
    if isinstance(schema.examples, str) or not isinstance(schema.examples, Sequence):
        return "its examples are no list"
    if not isinstance(schema.deadlines, Deadlines):
        return f"its deadlines are {schema.deadlines!r}, and no Deadlines(…)"
    for name, seconds in asdict(schema.deadlines).items():
        may_be_none = getattr(Deadlines(), name) is None
        if not (_is_duration(seconds) or (seconds is None and may_be_none)):
            return f"its deadline {name} is {seconds!r}, and no positive number of seconds"
    if not _is_count(schema.max_body_bytes):
        return "its max_body_bytes is no whole number over 0"
    return None


def _is_count(value: object) -> bool:
    """Whether a value is None, or a whole number over 0. `True` does not count as one."""
    return value is None or (type(value) is int and value > 0)


def _check_done(entry: SchemaEntry) -> str | None:
    done = entry.schema.done
    if done is None:
        return None
    # An object may be called like a function, and then its class has the coroutine function.
    if not any(map(inspect.iscoroutinefunction, (done, getattr(type(done), "__call__", None)))):  # noqa: B004
        return "its done is no coroutine function (async def)"
    try:
        inspect.signature(done).bind("value", "parameters", "info")
    except (TypeError, ValueError):
        return "its done does not take three arguments: the value, the parameters and the info"
    return None


def _is_duration(value: object) -> bool:
    """Whether a value is a finite number above 0. `True` does not count, though it is an int."""
    return isinstance(value, int | float) and value is not True and 0 < value < math.inf


def _check_name(entry: SchemaEntry) -> str | None:
    if not PATTERN.fullmatch(entry.name):
        return f"the name {entry.name!r} is no {PATTERN.pattern}"
    if entry.name.partition("@")[0] in RESERVED_NAMES:
        return f"the name {entry.name!r} collides with a route of the service"
    return None


def _check_parameters(entry: SchemaEntry) -> str | None:
    parameters = entry.schema.parameters
    if not (isinstance(parameters, type) and issubclass(parameters, Parameters)):
        return "its parameters don't inherit Parameters"
    if parameters.model_config.get("extra") != "forbid":
        return "its parameters must keep extra='forbid': unknown keys are refused"
    for name, info in parameters.model_fields.items():
        if taken := _keys(name, info) & RESERVED_PARAMETERS:
            return f"the parameter {min(taken)!r} has the name of a query key of the service"
    try:
        parameters.model_rebuild()  # if a name is not defined, this says which
        found = entry.parameters_json_schema
    except Exception as error:
        reason = f"its parameters have no JSON Schema: {_words(error)}"
        raise SchemaError(entry.file, reason, line_of(error, entry.file)) from error
    _require_examples(entry, found, "parameters")
    return _check_topic(found)


def _check_topic(parameters: Mapping[str, Any]) -> str | None:
    """May the topic be a text? The page, the views of front ends and the commands send one."""
    topic = parameters["properties"].get("topic", {})
    kinds = {choice.get("type", "string") for choice in topic.get("anyOf", [topic])}
    return None if "string" in kinds else "the topic of its parameters is no string"


def _check_count(entry: SchemaEntry) -> str | None:
    if not entry.is_list:
        return None
    count = entry.parameters_json_schema["properties"].get("count", {})
    # For each count that a client sends, a class is made and kept. So there must be few counts.
    if (
        count.get("type") == "integer"
        and count.get("minimum", 0) >= 1
        and count.get("maximum", 21) <= 20
    ):
        return None
    return (
        "its result is a list, so its parameters need an int `count` within 1 to 20"
        " (inherit ListParameters)"
    )


def _check_result(entry: SchemaEntry) -> str | None:
    try:
        adapter = TypeAdapter(entry.schema.result)
        adapter.rebuild()  # if a name is not defined, this says which
        adapter.json_schema(mode="serialization")
        schema = adapter.json_schema(mode="validation")
    except Exception as error:
        reason = f"its result has no JSON Schema: {_words(error)}"
        raise SchemaError(entry.file, reason, line_of(error, entry.file)) from error
    if entry.is_list and not schema.keys().isdisjoint({"minItems", "maxItems"}):
        return "the length of a list result follows from `count`: it can't have its own"
    _require_examples(entry, schema, "result")
    return None


def _require_examples(entry: SchemaEntry, schema: dict[str, Any], part: str) -> None:
    """Raise SchemaError, with the line of the field, if a field can't take an example of its own.

    part: the part of `schema = Schema(…)` whose JSON Schema it is; its line stands in for that of
        a field which is in another file
    """
    if (found := fault(schema)) is not None:
        line = line_of_field(entry.file, found.name) or line_of_part(entry.file, part)
        raise SchemaError(entry.file, found.reason, line)


def _check_regexes(entry: SchemaEntry) -> str | None:
    for what in (entry.schema.result, entry.schema.parameters):
        for pattern in _backtracking(TypeAdapter(what).core_schema):
            return (
                f"the regex {pattern!r} needs Python's backtracking engine, which hostile text"
                " can stall: give it as a string, and leave regex_engine alone"
            )
    return None


def _check_plan(entry: SchemaEntry) -> str | None:
    """Make the plan and its schema. Both are kept, so the first request does not wait for them."""
    try:
        _ = entry.partial_json_schema
    except Exception as error:
        return f"its result can't be streamed: {_words(error)}"
    return None


def _check_asked(entry: SchemaEntry) -> str | None:
    """Make all that a model may be asked for, for each count. It is kept, like the plan."""
    try:
        for asked in entry.response_models:
            json.dumps(asked.json_schema, allow_nan=False)
    except Exception as error:
        return f"a model can't be asked for its result: {_words(error)}"
    return None


def _check_examples(entry: SchemaEntry) -> str | None:
    for i, example in enumerate(entry.schema.examples):
        try:
            _parameters(entry, example)
        except (TypeError, ValueError) as error:
            return f"examples[{i}] is not valid: {_words(error)}"
    return None


def _check_prompt(entry: SchemaEntry) -> str | None:
    """Make the prompt of each example, or of the least parameters where there is none."""
    tried = {f"examples[{i}]": example for i, example in enumerate(entry.schema.examples)}
    schema = entry.parameters_json_schema
    for name, example in (tried or {"the least parameters": least(schema, schema)}).items():
        try:
            parameters = _parameters(entry, example)
        except (TypeError, ValueError):
            return None  # what would be least is not allowed, and no example says what is
        try:
            try_out(entry.schema, parameters)
        except Exception as error:
            reason = f"its prompt can't be made of {name}: {_words(error)}"
            raise SchemaError(entry.file, reason, line_of(error, entry.file)) from error
    return None


def _parameters(entry: SchemaEntry, example: Any) -> Parameters:
    """Parameters, out of JSON. Raises TypeError or ValueError."""
    return entry.schema.parameters.model_validate_json(json.dumps(example), strict=True)


def _check_request(entry: SchemaEntry) -> str | None:
    """What a schema says of the request to the provider."""
    schema = entry.schema
    if not isinstance(schema.model, str | None):
        return "its model is no string"
    if not _is_count(schema.max_tokens):
        return "its max_tokens is no whole number over 0"
    if not isinstance(schema.options, Mapping):
        return "its options are no mapping"
    for place, expected in faults(schema.options):
        return f"options{''.join(f'[{part!r}]' for part in place)}: expected {expected}"
    return None


CHECKS: Final[tuple[Callable[[SchemaEntry], str | None], ...]] = (
    _check_kinds,
    _check_done,
    _check_name,
    _check_parameters,
    _check_count,
    _check_result,
    _check_regexes,
    _check_plan,
    _check_asked,
    _check_examples,
    _check_prompt,
    _check_request,
)
"""Each check returns the reason to refuse an entry, or None. It may rely on earlier checks.

One that knows the line raises SchemaError.
"""


def _backtracking(node: Any, engine: str = "rust-regex") -> Iterator[str]:
    """The patterns in a core schema that Python's `re` would match."""
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from _backtracking(child, engine)
    elif isinstance(node, Mapping):
        # A mapping without a type holds schemas by name, so each of its keys is a name.
        is_schema = isinstance(node.get("type"), str)
        if is_schema:
            engine = _engine(node, engine)
            pattern = node.get("pattern") if node["type"] == "str" else None
            if isinstance(pattern, re.Pattern):
                yield str(pattern.pattern)
            elif pattern is not None and node.get("regex_engine", engine) == "python-re":
                yield pattern
        for key, child in node.items():
            if not (is_schema and key in {"metadata", "default", "config", "serialization"}):
                yield from _backtracking(child, engine)


def _engine(node: Mapping[str, Any], inherited: str) -> str:
    """The regex engine for the patterns under a node. All nodes but models inherit it."""
    default = "rust-regex" if node["type"] == "model" else inherited
    engine: str = (node.get("config") or {}).get("regex_engine", default)
    return engine


def _keys(name: str, info: FieldInfo) -> set[str]:
    """All names that a parameter may have in JSON: its own and its aliases."""
    keys = {name, info.alias, info.serialization_alias}
    alias = info.validation_alias
    for choice in alias.choices if isinstance(alias, AliasChoices) else [alias]:
        keys.add(str(choice.path[0]) if isinstance(choice, AliasPath) else choice)
    return {key for key in keys if key is not None}


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _words(error: BaseException) -> str:
    """An exception's message, on one line."""
    if isinstance(error, ValidationError):
        details = error.errors(include_url=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, d['loc'])) or 'it'}: {d['msg']}" for d in details)
    if isinstance(error, PydanticUndefinedAnnotation):
        return f"NameError: name {error.name!r} is not defined"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
