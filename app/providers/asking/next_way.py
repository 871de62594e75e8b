"""Which way of asking comes after one that a provider has refused. Pure.

    tools, named call ─> any call ─> no choice ┐
    tools, schema as it is ─> inline ─> plain  ┤
                                               └> json_schema, strict ─> as it is ─> inline ─> plain
                                                                      └> json ─> md_json
    and in each of them: max_tokens ─> max_completion_tokens, or the other way round; without
    stream_options; without parallel_tool_calls

A refusal says in its own words what it does not take, so this file is a list of words. It takes
a refusal for one of the request's form only if it names a part of the form. Each step goes on
and none leads back, so there is an end.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from app.providers.asking.refusal import Refusal
from app.providers.asking.way import TOKENS_FIELDS, ToolChoice, Way
from app.schemas.dialects import Dialect


def _words(*alternatives: str) -> re.Pattern[str]:
    """Finds any of these as words of their own, whatever script stands beside them."""
    return re.compile(rf"(?<![a-z0-9_])(?:{'|'.join(alternatives)})(?![a-z0-9_])")


def _quoted(*names: str) -> str:
    """Matches any of these within quotes: without, they are words of English."""
    return rf"['\"`“](?:{'|'.join(names)})['\"`”]"


_OTHER_CODES: Final = _words(
    r"invalid_api_key|model_not_found|context_length_exceeded|exceed_context_size_error",
    r"content_filter|content_policy_violation|insufficient_quota|billing_\w+|tool_use_failed",
    r"json_validate_failed|data_inspection_failed|arrearage|rate_limit\w*",
)
"""Codes of what no other form of the request mends."""

_OTHER_REASONS: Final = re.compile(
    r"api[ _-]?key|authenticat|unauthori[sz]|credential|permission|access denied"
    r"|quota|billing|payment|insufficient (?:balance|credit|funds)|subscription|overdue"
    r"|context (?:length|window|size)|maximum context|context_length"
    r"|(?:prompt|input|messages?)\b[^.]{0,40}\b(?:too long|too many tokens|exceed)"
    r"|content (?:management )?(?:policy|filter)|safety|moderation|flagged|inappropriate"
    r"|model\b[^;]{0,80}(?:does not exist|do not exist|doesn't exist|not exist|not found)"
    r"|(?:unknown|invalid|no such) model\b|not a valid model"
    r"|failed to (?:call a function|generate json|validate json)"
)

_VALUE: Final = re.compile(
    r"too (?:large|high|big|small|low|many)|at (?:most|least)|exceed|out of range|between"
    r"|(?:less|greater|more|larger|smaller|bigger|higher|lower) than|maximum (?:value|allowed)"
    r"|must be (?:positive|an integer|a positive)|reached"
)
"""What is said of a number, not of its field."""

_WANTED: Final = re.compile(
    r"(?:use|uses|need|needs|requires?|expects?|prefer|instead|favou?r of|replaced by|renamed to)"
    rf"\W+(?:the |field |parameter )*\W?({'|'.join(TOKENS_FIELDS)})(?!\w)"
)
"""The field that a refusal recommends."""

_STREAM_OPTIONS: Final = _words("stream_options", "include_usage")
_PARALLEL: Final = _words("parallel_tool_calls?", "parallel (?:tool|function) calls?(?:ing)?")
_TOOL_CHOICE: Final = _words(
    "tool[_ -]?choice", "function_call", "forced (?:tool|function)[ -](?:calls?|calling|use)"
)
_TOOLS: Final = _words(
    "tools?", "functions?", "(?:tool|function)[ -]calls?", "(?:tool|function)[ _-](?:calling|use)"
)
_NO_TOOLS: Final = re.compile(
    r"--tool-call-parser|--enable-auto-tool-choice|--jinja|['\"`]tools['\"`]|reasoning_effort"
)
"""Where the choice is named, but the provider takes no tools whatever the choice is."""

_FORMAT: Final = _words(
    r"(?:response|output)[_ ]?(?:format|config)(?:\.\w+)*", r"json[_ ](?:schemas?|object|mode)",
    r"strict", r"structured[_ -]outputs?", r"guided[_ -]\w+", r"grammar(?:-\w+)?",
)  # fmt: skip
_STRICT: Final = _words("strict")
_SCHEMA: Final = re.compile(
    r"\$(?:ref|defs)|additional_?properties|(?:min|max)_?(?:items|length)|unique_?items"
    r"|exclusive_?(?:min|max)imum|multiple_?of|(?:any|one|all)_?of|prefix_?items"
    r"|pattern_?properties|property_?names|recursi|in context="
    r"|(?:invalid|malformed|bad|unsupported|complex|this|the|your|provided) (?:json )?schema\b"
    r"|schema (?:is (?:invalid|too)|contains|produces|exceeds|has|must|error|valid)"
    r"|json ?schema (?:fields?|keywords?|features?|conver)|schema keywords?"
    r"|grammar(?! backend|-)|function\.parameters|\.schema\b|function_parameters|invalid_schema"
    r"|response_schema|function_declarations\[\d+\]\.parameters"
    r"|" + _quoted("format", "default", "examples?", "title", "pattern", "const", "enum")
    + r"|" + _quoted("minimum", "maximum", "nullable", "discriminator", "uri", "definitions")
    + r"|unknown name \\?\"\w+\\?\" at '(?:tools|response_format|generation_config)"
)  # fmt: skip
_REFERENCE: Final = re.compile(r"\$(?:ref|defs)|recursi|reference")
_CLOSED: Final = re.compile(
    r"additional_?properties\W.{0,60}(?:required|must|false)|closed|all (?:fields|properties) must"
)
_NO_SUCH_TYPE: Final = re.compile(r"type|json[_ ]schema|structured|support|unavailable")


def next_way(way: Way, refusal: Refusal) -> Way | None:
    """The way to try after this one was refused so; None if no other way would mend it."""
    if not _is_of_the_form(refusal):
        return None
    without = _without_fields(way, refusal)
    if without != way:
        return without
    if way.mode == "tools":
        return _after_tools(way, refusal)
    if way.mode == "json_schema":
        return _after_json_schema(way, refusal)
    if way.mode == "json" and _names(refusal, _FORMAT):
        return replace(way, mode="md_json")
    return None


def _is_of_the_form(refusal: Refusal) -> bool:
    """Whether a refusal may be one of the request's form, and not of the caller or the content."""
    if refusal.status == 404:  # OpenRouter: no provider takes all that the request holds
        return "no endpoints found that" in refusal.text
    if refusal.status not in (400, 422) or _OTHER_CODES.search(refusal.names):
        return False
    return "unsupported_parameter" in refusal.names or not _OTHER_REASONS.search(refusal.text)


def _names(refusal: Refusal, words: re.Pattern[str]) -> bool:
    return bool(words.search(refusal.names) or words.search(_of_this_request(refusal.text)))


def _of_this_request(text: str) -> str:
    """A refusal's words without the list of what would have been right."""
    return re.sub(r"(unknown (?:field|variant|name)[^,]*), expected .*", r"\1", text)


# -- fields that change nothing of how the value comes --------------------------------------------


def _without_fields(way: Way, refusal: Refusal) -> Way:
    """The way without each such field that the refusal names."""
    if way.stream_options and _names(refusal, _STREAM_OPTIONS):
        way = replace(way, stream_options=False)
    if way.mode == "tools" and way.parallel_tool_calls and _names(refusal, _PARALLEL):
        way = replace(way, parallel_tool_calls=False)
    if _refuses_tokens_field(way, refusal):
        way = replace(way, tokens_fields=way.tokens_fields[1:])
    return way


def _refuses_tokens_field(way: Way, refusal: Refusal) -> bool:
    """Whether the field that was sent is refused, and not its value or the other field.

    A refusal may name both: `'max_tokens' is not supported, use 'max_completion_tokens'`.
    """
    if not way.tokens_fields or _VALUE.search(refusal.text):
        return False
    said = f"{refusal.names} {_of_this_request(refusal.text)}"
    wanted = _WANTED.search(said)
    found = _words(*TOKENS_FIELDS).search(said)
    if wanted is not None:
        return wanted[1] != way.tokens_fields[0]
    return found is not None and found[0] == way.tokens_fields[0]


# -- ways in which the value comes ----------------------------------------------------------------


def _after_tools(way: Way, refusal: Refusal) -> Way | None:
    choice = _names(refusal, _TOOL_CHOICE)
    no_tools = bool(_NO_TOOLS.search(refusal.text))
    if way.dialect == "strict" and _names(refusal, _STRICT):
        return replace(way, dialect="full")
    if choice and not no_tools and way.tool_choice != "auto":
        return replace(way, tool_choice=_freer_choice(way, refusal))
    if not (choice or no_tools) and _names(refusal, _SCHEMA) and not _wants_closed(refusal):
        return _with_simpler_schema(way, refusal)
    if choice or _names(refusal, _TOOLS) or _names(refusal, _SCHEMA):
        return without_tools(way)
    return None


def without_tools(way: Way) -> Way:
    """The way to ask a provider that takes no tools, or does not hold its model to them."""
    return Way(
        mode="json_schema",
        dialect=_strict_if_full(way),
        tokens_fields=way.tokens_fields,
        stream_options=way.stream_options,
    )


def _freer_choice(way: Way, refusal: Refusal) -> ToolChoice:
    """Any call, then none: at once if the refusal rules out all that force one."""
    text = refusal.text
    forced = "thinking" in text or "reasoning" in text or "forced" in text
    only_auto = "auto" in text and not _words("required", "any").search(text)
    return "auto" if way.tool_choice == "required" or forced or only_auto else "required"


def _after_json_schema(way: Way, refusal: Refusal) -> Way | None:
    of_schema = _names(refusal, _SCHEMA)
    if way.dialect == "strict" and (of_schema or _names(refusal, _STRICT)):
        return replace(way, dialect="full")
    if of_schema:
        return _with_simpler_schema(way, refusal)
    if not _names(refusal, _FORMAT):
        return None
    if way.dialect == "strict" and not _NO_SUCH_TYPE.search(refusal.text):
        return replace(way, dialect="full")
    return _in_words(way)


def _with_simpler_schema(way: Way, refusal: Refusal) -> Way:
    """The same way with less of JSON Schema; after the least, the schema goes into the prompt."""
    if way.dialect == "strict":
        return replace(way, dialect="full")
    if way.dialect == "full" and _names(refusal, _REFERENCE):
        return replace(way, dialect="inline")
    return _in_words(way) if way.dialect == "plain" else replace(way, dialect="plain")


def _in_words(way: Way) -> Way:
    return replace(way, mode="json", dialect="full")


def _strict_if_full(way: Way) -> Dialect:
    """A schema that had to become simpler stays so."""
    return "strict" if way.dialect == "full" else way.dialect


def _wants_closed(refusal: Refusal) -> bool:
    """Whether only a schema is taken whose objects are closed, as those of `strict` are."""
    return bool(_CLOSED.search(refusal.text)) and "unknown name" not in refusal.text
