"""The JSON Schema that a model is asked in: it allows nothing that is then refused.

Pydantic's own schema allows more than Pydantic takes: any string in place of a number, of a URL
or of a date. A model whose output is held to the schema then writes what is invalid. Here each
type has one form, and a string has a regular expression where one can tell what is valid.

What no JSON Schema can say stays open: the schema's own validators, checksums, whether a file or
a time zone exists, what lies in the past. `docs/schemas.md` has the list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from app.schemas import moment_pattern, number_pattern, text_pattern
from app.schemas.text_pattern import STANDARD, whole

Json = dict[str, Any]
Core = Mapping[str, Any]

_LIBRARIES: Final = ("pydantic.", "pydantic_extra_types.", "ipaddress")
"""Where functions are not a schema's own."""

LONGEST: Final = dt.timedelta(days=36_500)
"""A duration with one bound."""

_PATTERNED: Final = ("base64", "base64url")


class AskedJsonSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, narrowed to what its validation takes.

    Where a function of a schema's own sees the answer before a type does, that type's form is
    left as wide as Pydantic has it: what the function takes is not known.
    """

    def __init__(self, by_alias: bool = True, **options: Any) -> None:
        super().__init__(by_alias, **options)
        self._configs: list[Core] = [{}]  # of the classes around, the innermost last
        self._is_open = False  # whether a function of the schema's own comes first

    def _rule(self, schema: Any, name: str, configured: str) -> Any:
        """A rule of a type, or of the configuration around it."""
        return schema.get(name, self._configs[-1].get(configured))

    # -- strings ----------------------------------------------------------------------------

    def str_schema(self, schema: core_schema.StringSchema) -> Json:
        made = super().str_schema(schema)
        bounds = {
            "minLength": self._rule(schema, "min_length", "str_min_length"),
            "maxLength": self._rule(schema, "max_length", "str_max_length"),
        }
        made.update({key: bound for key, bound in bounds.items() if bound})
        stripped = self._rule(schema, "strip_whitespace", "str_strip_whitespace")
        if stripped and bounds["minLength"] and "pattern" not in made:
            made["pattern"] = whole(text_pattern.filled(bounds["minLength"], bounds["maxLength"]))
        return made

    def bytes_schema(self, schema: core_schema.BytesSchema) -> Json:
        coded = self._configs[-1].get("val_json_bytes", "utf8")
        low, high = schema.get("min_length", 0), schema.get("max_length")
        if coded == "base64":  # it takes either alphabet
            return _string(text_pattern.base64("_-", is_text=True, low=low, high=high))
        if coded == "hex":
            return _string(f"([0-7][0-9a-f]){text_pattern.times(low, high)}")
        # A length counts bytes: where there is one, each character is one byte.
        plain = f"[ !#-\\[\\]-~]{text_pattern.times(low, high)}"
        return _string(plain if low or high is not None else None)

    def url_schema(self, schema: core_schema.UrlSchema) -> Json:
        made = super().url_schema(schema)
        pattern = text_pattern.url(schema.get("allowed_schemes"))
        return made if self._is_open else {**made, "pattern": whole(pattern)}

    def multi_host_url_schema(self, schema: core_schema.MultiHostUrlSchema) -> Json:
        made = super().multi_host_url_schema(schema)
        pattern = text_pattern.database_url(schema.get("allowed_schemes"))
        return made if self._is_open else {**_standard(made), "pattern": whole(pattern)}

    def uuid_schema(self, schema: core_schema.UuidSchema) -> Json:
        made = super().uuid_schema(schema)
        return made if self._is_open else _string(text_pattern.uuid(schema.get("version")), "uuid")

    def complex_schema(self, schema: core_schema.ComplexSchema) -> Json:
        return super().complex_schema(schema) if self._is_open else _string(text_pattern.COMPLEX)

    # -- numbers ----------------------------------------------------------------------------

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> Json:
        made = None if self._is_open else _decimal(schema)
        return super().decimal_schema(schema) if made is None else made

    def fraction_schema(self, schema: core_schema.FractionSchema) -> Json:
        bounded = schema.keys() & {"gt", "ge", "lt", "le"}
        pattern = _decimal_pattern(schema) if bounded else text_pattern.FRACTION
        if self._is_open or pattern is None:
            return super().fraction_schema(schema)
        return _string(pattern)

    # -- moments ----------------------------------------------------------------------------

    def date_schema(self, schema: core_schema.DateSchema) -> Json:
        step = dt.timedelta(days=1)
        pattern = moment_pattern.date_pattern(*_inclusive(schema, step))
        return self._moment("date", pattern)

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> Json:
        bounds = _inclusive(schema, dt.timedelta(0))
        days = moment_pattern.date_pattern(*_days(*bounds))
        offset = _offset(schema, bounds)
        return self._moment("date-time", days and f"({days})T{moment_pattern.CLOCK}{offset}")

    def time_schema(self, schema: core_schema.TimeSchema) -> Json:
        low, high = (schema.get("ge", schema.get("gt")), schema.get("le", schema.get("lt")))
        clock: str | None = moment_pattern.CLOCK
        if low is not None or high is not None:
            clock = moment_pattern.time_pattern(low, high, excluded="gt" in schema)
        return self._moment("time", clock and clock + _offset(schema, (low, high)))

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> Json:
        bounded = schema.keys() & {"gt", "ge", "lt", "le"}
        if bounded and not self._is_open and not self._rule(schema, "strict", "strict"):
            return _seconds(schema)
        low = schema.get("ge", schema.get("gt"))
        sign = "" if low is not None and low >= dt.timedelta(0) else "-?"
        return self._moment("duration", sign + moment_pattern.DURATION)

    def _moment(self, format: str, pattern: str | None) -> Json:
        return _string(None if self._is_open else pattern, format)

    # -- objects ----------------------------------------------------------------------------

    def dict_schema(self, schema: core_schema.DictSchema) -> Json:
        return self._narrowed_keys(super().dict_schema(schema), schema)

    def ordered_dict_schema(self, schema: core_schema.OrderedDictSchema) -> Json:
        return self._narrowed_keys(super().ordered_dict_schema(schema), schema)

    def counter_schema(self, schema: core_schema.CounterSchema) -> Json:
        return self._narrowed_keys(super().counter_schema(schema), schema)

    def _narrowed_keys(self, made: Json, schema: Any) -> Json:
        """An object whose keys are of a schema, and all of whose values are of another."""
        if "patternProperties" in made:
            ((_, values),) = made.pop("patternProperties").items()
            made["additionalProperties"] = values or True
        made.pop("propertyNames", None)
        keys = self._key(schema.get("keys_schema", {"type": "any"}))
        if keys is False:
            return {"type": "object", "additionalProperties": False, "maxProperties": 0}
        if isinstance(keys, dict) and "enum" in keys:  # few grammars follow a rule for names
            values = made.get("additionalProperties", True)
            properties = {name: {} if values is True else values for name in keys["enum"]}
            return {**made, "properties": properties, "additionalProperties": False}
        return {**made, "propertyNames": keys} if keys else made

    def _key(self, schema: Any) -> Json | bool:
        """The schema of the strings that come to these keys; False: none does."""
        made = self.generate_inner(schema)
        if schema["type"] == "literal":  # a key is a string, whatever it looks like
            words = [value for value in _values(made) if isinstance(value, str)]
            return {"enum": words} if words else False
        return self._as_key(made)

    def _as_key(self, made: Json) -> Json | bool:
        if "$ref" in made:
            made = self.resolve_ref_schema(made)
        if choices := made.get("anyOf"):
            keys = [key for choice in choices if (key := self._as_key(choice))]
            return {"anyOf": keys} if keys else False
        if "enum" in made or "const" in made:
            return {"enum": [_key_text(value) for value in _values(made) if value is not None]}
        write = _KEYS.get(made.get("type", "string"))
        return write(made) if write else False

    # -- what a schema has of its own -------------------------------------------------------

    def generate_inner(self, schema: Any) -> Json:
        made = super().generate_inner(schema)
        coded = made.get("format") in _PATTERNED
        if self._is_open or "pattern" in made or not _is_of_library(schema):
            return made
        if coded:
            return {**_standard(made), "pattern": whole(_coded(schema, made["format"]))}
        pattern = text_pattern.FORMATS.get(made.get("format", ""))
        return made if pattern is None else {**_standard(made), "pattern": whole(pattern)}

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> Json:
        with self._opened(schema):
            return super().function_before_schema(schema)

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> Json:
        with self._opened(schema):
            return super().function_wrap_schema(schema)

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> Json:
        made = super().function_after_schema(schema)
        # `ByteSize` takes a number of bytes, or words.
        return _integers(made) if _is_of_library(schema) and "anyOf" in made else made

    def model_schema(self, schema: core_schema.ModelSchema) -> Json:
        with self._configured(schema.get("config", {})):
            return super().model_schema(schema)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Json:
        with self._configured(schema.get("config")):
            return super().dataclass_schema(schema)

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> Json:
        with self._configured(schema.get("config")):
            return super().typed_dict_schema(schema)

    @contextmanager
    def _configured(self, config: Core | None) -> Iterator[None]:
        """Inside a class with this configuration. None: it has none, so it keeps that around it."""
        is_open, self._is_open = self._is_open, False
        self._configs.append(self._configs[-1] if config is None else config)
        try:
            yield
        finally:
            self._configs.pop()
            self._is_open = is_open

    @contextmanager
    def _opened(self, schema: Core) -> Iterator[None]:
        """Inside of a function that sees the answer first."""
        is_open = self._is_open
        self._is_open = is_open or not _is_of_library(schema)
        try:
            yield
        finally:
            self._is_open = is_open


def _string(pattern: str | None, format: str | None = None) -> Json:
    made = {"type": "string"}
    if format is not None:
        made["format"] = format
    return made if pattern is None else {**made, "pattern": whole(pattern)}


def _standard(made: Json) -> Json:
    """A schema without a format that only Pydantic knows."""
    return {key: made[key] for key in made if key != "format" or made[key] in STANDARD}


def _decimal(schema: Any) -> Json | None:
    """A decimal as a string: a number in JSON is hardly ever read as it was written.

    A multiple of something that is no power of ten is a number, as no pattern can say that.
    """
    step = schema.get("multiple_of")
    if step is None:
        pattern = _decimal_pattern(schema)
        return None if pattern is None else _string(pattern)
    bounds = {
        key: _plain(schema[rule])
        for rule, key in GenerateJsonSchema.ValidationsMapping.numeric.items()
        if rule in schema
    }
    if {"max_digits", "decimal_places"} & schema.keys():
        return None
    # Of longer numbers, Python's decimals can't tell what they are a multiple of.
    end = 10**number_pattern.WHOLE_DIGITS
    low = {} if schema.keys() & {"ge", "gt"} else {"minimum": -end}
    high = {} if schema.keys() & {"le", "lt"} else {"maximum": end}
    return {"type": "integer" if Decimal(step) % 1 == 0 else "number", **bounds, **low, **high}


def _plain(value: Any) -> int | float:
    return int(value) if Decimal(value) % 1 == 0 else float(value)


def _decimal_pattern(schema: Any) -> str | None:
    places, digits = schema.get("decimal_places"), schema.get("max_digits")
    low, high = _bounds(schema, number_pattern.PLACES if places is None else places)
    if digits is None:
        return number_pattern.decimal_pattern(
            low, high, number_pattern.PLACES if places is None else places
        )
    return _with_digits(low, high, digits, places)


def _bounds(schema: Any, places: int) -> tuple[Decimal | None, Decimal | None]:
    """The bounds, both of them inclusive for a number with so many places."""
    step = Decimal(1).scaleb(-places)
    low = _tightest([schema.get("ge"), _moved(schema.get("gt"), step)], max)
    high = _tightest([schema.get("le"), _moved(schema.get("lt"), -step)], min)
    return low, high


def _moved(bound: Any, step: Decimal) -> Decimal | None:
    return None if bound is None else Decimal(bound) + step


def _tightest(bounds: list[Any], of: Any) -> Decimal | None:
    given = [Decimal(bound) for bound in bounds if bound is not None]
    return of(given) if given else None


def _with_digits(
    low: Decimal | None, high: Decimal | None, digits: int, places: int | None
) -> str | None:
    """A decimal of so many digits: those before the point leave fewer for after it."""
    most = digits if places is None else digits - places
    parts = []
    for before in [most] if places is not None else range(digits + 1):
        end = Decimal(10) ** before
        after = digits - before if places is None else places
        step = Decimal(1).scaleb(-after)
        top = end - step
        first = max(low, -top) if low is not None else -top
        last = min(high, top) if high is not None else top
        if found := number_pattern.decimal_pattern(first, last, after):
            parts.append(found)
    return "|".join(dict.fromkeys(parts)) or None


def _inclusive(schema: Any, step: dt.timedelta) -> tuple[Any, Any]:
    low, high = schema.get("ge"), schema.get("le")
    if (above := schema.get("gt")) is not None:
        low = above + step
    if (below := schema.get("lt")) is not None:
        high = below - step
    return low, high


def _seconds(schema: Any) -> Json:
    """A duration with bounds as a number of seconds: there is no pattern for the bounds."""
    second = dt.timedelta(seconds=1)
    low, high = _inclusive(schema, dt.timedelta.resolution)
    low = -LONGEST if low is None else low
    high = LONGEST if high is None else high
    return {
        "type": "integer",
        "description": "In seconds.",
        "minimum": -(-low // second),
        "maximum": high // second,
    }


def _days(low: dt.datetime | None, high: dt.datetime | None) -> tuple[Any, Any]:
    """The days that lie whole between two moments."""
    day = dt.timedelta(days=1)
    return (
        None if low is None else _in_utc(low).date() + day,
        None if high is None else _in_utc(high).date() - day,
    )


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _offset(schema: Any, bounds: tuple[Any, Any]) -> str:
    """What follows a time: with bounds, what can be compared with them."""
    given = [bound for bound in bounds if bound is not None]
    if given:
        return "Z" if given[0].tzinfo is not None else ""
    constraint = schema.get("tz_constraint")
    if constraint == "naive":
        return ""
    return moment_pattern.OFFSET + ("" if constraint is not None else "?")


def _values(made: Json) -> list[Any]:
    return [made["const"]] if "const" in made else made.get("enum", [])


def _key_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number_key(made: Json, places: int) -> Json | bool:
    bounds = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
    rules = {rule: str(made[key]) for rule, key in bounds.items() if key in made}
    pattern = number_pattern.decimal_pattern(*_bounds(rules, places), places)
    return False if pattern is None else {"pattern": whole(pattern)}


_OF_STRINGS: Final = ("format", "pattern", "minLength", "maxLength")

_KEYS: Final[dict[str, Callable[[Json], Json | bool]]] = {
    "string": lambda made: {k: made[k] for k in _OF_STRINGS if k in made},
    "integer": lambda made: _number_key(made, 0),
    "number": lambda made: _number_key(made, 6),
    "boolean": lambda _: {"enum": ["true", "false"]},
}
"""From the schema of a value to that of the string which it is as a key."""


def _is_of_library(schema: Core) -> bool:
    """Whether a type's validator is Pydantic's own."""
    inner = schema.get("lax_schema", schema)
    function = inner.get("function", {}).get("function")
    return str(getattr(function, "__module__", "")).startswith(_LIBRARIES)


def _coded(schema: Core, format: str) -> str:
    is_text = schema.get("schema", {}).get("type") == "str"
    return text_pattern.base64("+/" if format == "base64" else "_-", is_text=is_text)


def _integers(made: Json) -> Json:
    found = [choice for choice in made["anyOf"] if choice.get("type") == "integer"]
    rest = {key: made[key] for key in made if key != "anyOf"}
    return {**rest, **found[0]} if found else made
