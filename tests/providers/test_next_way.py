"""Which way comes after a refusal: refusals in the words and shapes of many providers."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from app.providers.asking.next_way import next_way
from app.providers.asking.refusal import MAX_TEXT, refusal
from app.providers.asking.way import TOKENS_FIELDS, Way

TOOLS = Way(mode="tools")
ANY_CALL = replace(TOOLS, tool_choice="required")
NO_CHOICE = replace(TOOLS, tool_choice="auto")
STRICT = Way(mode="json_schema", dialect="strict")
SCHEMA = Way(mode="json_schema")
JSON = Way(mode="json")
MD_JSON = Way(mode="md_json")


def swapped(way: Way) -> Way:
    return replace(way, tokens_fields=("max_completion_tokens",))


def no_usage(way: Way) -> Way:
    return replace(way, stream_options=False)


def inline(way: Way) -> Way:
    return replace(way, dialect="inline")


def plain(way: Way) -> Way:
    return replace(way, dialect="plain")


def unparalleled(way: Way) -> Way:
    return replace(way, parallel_tool_calls=False)


def openai(message: str, param: str | None = None, code: Any = None) -> dict[str, Any]:
    """As the SDK gives it: what stands under `error`."""
    return {"message": message, "type": "invalid_request_error", "param": param, "code": code}


def vllm(message: str, param: str | None = None) -> dict[str, Any]:
    kind = {"type": "BadRequestError", "param": param, "code": 400}
    return {"object": "error", "message": message, **kind}


def fastapi(*path: str | int, msg: str = "Extra inputs are not permitted") -> dict[str, Any]:
    fault = {"type": "extra_forbidden", "loc": ["body", *path], "msg": msg, "input": "tools"}
    return {"detail": [fault]}


def gemini(*descriptions: str) -> list[Any]:
    violations = [{"field": "", "description": text} for text in descriptions]
    error = {"code": 400, "message": "\n".join(descriptions), "status": "INVALID_ARGUMENT"}
    return [{"error": error | {"details": [{"fieldViolations": violations}]}}]


def openrouter(raw: object) -> dict[str, Any]:
    quoted = {"raw": json.dumps({"error": raw}), "provider_name": "Some"}
    return {"message": "Provider returned error", "code": 400, "metadata": quoted}


def unknown_name(name: str, at: str) -> str:
    return f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."


FIELDS = {
    "openai max_tokens": (
        400,
        openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
            " 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        ),
        swapped(TOOLS),
    ),
    "the other field first": (
        400,
        "This model needs the parameter max_completion_tokens; max_tokens is not supported",
        swapped(TOOLS),
    ),
    "the other field alone": (400, openai("Please use 'max_completion_tokens'"), swapped(TOOLS)),
    "the same as text": (
        400,
        "Error: 'max_tokens' is deprecated for this model, use 'max_completion_tokens'",
        swapped(TOOLS),
    ),
    "the same through litellm": (
        400,
        openai(
            "litellm.BadRequestError: OpenAIException - Unsupported parameter: 'max_tokens'"
            " is not supported with this model. Use 'max_completion_tokens' instead.",
            None,
            "400",
        ),
        swapped(TOOLS),
    ),
    "the same through openrouter": (
        400,
        openrouter(openai("Unsupported parameter.", "max_tokens", "unsupported_parameter")),
        swapped(TOOLS),
    ),
    "mistral stream_options": (422, fastapi("stream_options"), no_usage(TOOLS)),
    "mistral in an object": (
        422,
        {"object": "error", "message": fastapi("stream_options"), "code": None},
        no_usage(TOOLS),
    ),
    "mistral behind a proxy": (
        422,
        {"object": "error", "message": json.dumps(fastapi("stream_options"))},
        no_usage(TOOLS),
    ),
    "azure stream_options": (
        400,
        openai("Unrecognized request argument supplied: stream_options"),
        no_usage(TOOLS),
    ),
    "azure, two at once": (
        400,
        openai("Unrecognized request arguments supplied: parallel_tool_calls, stream_options"),
        no_usage(unparalleled(TOOLS)),
    ),
    "serde": (
        422,
        "Failed to deserialize the JSON body into the target type: unknown field"
        " `stream_options`, expected one of `model`, `messages`, `tools`, `max_tokens`,"
        " `parallel_tool_calls` at line 1 column 99",
        no_usage(TOOLS),
    ),
    "groq stream_options": (
        400,
        openai("property 'stream_options' is unsupported", None, None),
        no_usage(TOOLS),
    ),
    "in chinese": (
        400,
        {"code": "1210", "message": "参数有误:不支持stream_options参数"},
        no_usage(TOOLS),
    ),
    "o-series parallel_tool_calls": (
        400,
        openai(
            "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
            "parallel_tool_calls",
            "unsupported_parameter",
        ),
        unparalleled(TOOLS),
    ),
    "gemini parallel_tool_calls": (
        400,
        gemini(
            'Invalid JSON payload received. Unknown name "parallel_tool_calls": Cannot find field.'
        ),
        unparalleled(TOOLS),
    ),
    "gemini in words": (
        400,
        [{"error": {"code": 400, "message": "Parallel tool calls are not supported."}}],
        unparalleled(TOOLS),
    ),
}
"""Of requests that ask by tools, as all are asked at first."""

CHOICES = {
    "deepseek": (400, openai("Thinking mode does not support this tool_choice"), TOOLS, NO_CHOICE),
    "qwen": (
        400,
        openai(
            "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not"
            " support being set to required or object in thinking mode",
            None,
            "invalid_parameter_error",
        ),
        TOOLS,
        NO_CHOICE,
    ),
    "cerebras": (
        400,
        openai(
            "Unsupported tool_choice: type='function' function=Choice(name='Steps'). Expected"
            " 'auto' or 'none'.",
            "tool_choice",
            "wrong_api_format",
        ),
        TOOLS,
        NO_CHOICE,
    ),
    "lm studio": (
        400,
        "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
        TOOLS,
        ANY_CALL,
    ),
    "mistral": (
        422,
        fastapi("tool_choice", msg="Input should be 'auto', 'none', 'any' or 'required'"),
        TOOLS,
        ANY_CALL,
    ),
    "any call is refused, too": (
        400,
        openai("bad tool_choice", "tool_choice"),
        ANY_CALL,
        NO_CHOICE,
    ),
    "no choice is refused, too": (400, openai("bad tool_choice", "tool_choice"), NO_CHOICE, STRICT),
    "vllm without a parser": (
        400,
        vllm('tool_choice="required" requires --tool-call-parser to be set'),
        TOOLS,
        STRICT,
    ),
    "vllm without auto": (
        400,
        vllm('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
        NO_CHOICE,
        STRICT,
    ),
    "gemini": (
        400,
        gemini("Forced function calling (mode = ANY) is not supported with this model"),
        TOOLS,
        NO_CHOICE,
    ),
    "anthropic": (
        400,
        openai("Thinking may not be enabled when tool_choice forces tool use."),
        TOOLS,
        NO_CHOICE,
    ),
    "openrouter": (
        404,
        openai("No endpoints found that support the provided 'tool_choice' value.", None, 404),
        TOOLS,
        ANY_CALL,
    ),
}

NO_TOOLS = {
    "openai while it reasons": openai(
        "Function tools with reasoning_effort are not supported for gpt-5.6 in"
        " /v1/chat/completions. Please use /v1/responses instead.",
        "reasoning_effort",
    ),
    "ollama": {
        "message": "registry.ollama.ai/library/gemma3:4b does not support tools",
        "type": "api_error",
        "param": None,
        "code": None,
    },
    "groq": openai("`tool calling` is not supported with this model"),
    "llama.cpp": {"code": 400, "message": "tools param requires --jinja flag", "type": "x"},
    "mistral": fastapi("tools"),
    "litellm": openai(
        "litellm.UnsupportedParamsError: ollama does not support parameters: ['tools',"
        " 'tool_choice'], for model=llama2. To drop these, set `litellm.drop_params=True`"
    ),
    "bedrock": {"message": "This model doesn't support tool use in streaming mode."},
    "fireworks": openai("Function calling is not enabled for this model"),
    "perplexity": openai("Tool calling is not supported for this model", None, "bad_request"),
    "a proxy": "400 Bad Request: unsupported field: tools",
    "together": openai("this model does not accept tools", "tools", "invalid_tools"),
}

SCHEMAS = {
    "gemini $ref": (
        gemini(unknown_name("$ref", "tools[0].function_declarations[0].parameters.properties")),
        TOOLS,
        inline(TOOLS),
    ),
    "gemini $ref in a format": (
        gemini(unknown_name("$defs", "generation_config.response_schema")),
        SCHEMA,
        inline(SCHEMA),
    ),
    "gemini examples": (
        gemini(unknown_name("examples", "tools[0].function_declarations[0].parameters")),
        TOOLS,
        plain(TOOLS),
    ),
    "gemini additionalProperties": (
        gemini(unknown_name("additionalProperties", "tools[0].function_declarations[0]")),
        TOOLS,
        plain(TOOLS),
    ),
    "gemini still": (
        gemini(unknown_name("const", "tools[0].function_declarations[0].parameters")),
        inline(TOOLS),
        plain(TOOLS),
    ),
    "ollama's types": (
        openai(
            "json: cannot unmarshal array into Go struct field"
            " .tools.function.parameters.properties.type of type string"
        ),
        TOOLS,
        plain(TOOLS),
    ),
    "llama.cpp's grammar": (
        {"code": 400, "message": "Failed to initialize samplers: failed to parse grammar"},
        TOOLS,
        plain(TOOLS),
    ),
    "together's grammar": (
        openai("invalid tools grammar: unsupported minLength", "tools", "invalid_grammar"),
        TOOLS,
        plain(TOOLS),
    ),
    "the plainest is too much": (
        {"code": 400, "message": "Failed to initialize samplers: failed to parse grammar"},
        plain(TOOLS),
        JSON,
    ),
    "openai's function": (
        openai(
            "Invalid schema for function 'Ideas': In context=('properties', 'url'), 'uri' is"
            " not a valid format",
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        TOOLS,
        plain(TOOLS),
    ),
    "openai uri": (
        openai(
            "Invalid schema for response_format 'Briefs': In context=('properties', 'url'),"
            " 'uri' is not a valid format.",
            "response_format",
        ),
        STRICT,
        SCHEMA,
    ),
    "openai oneOf": (
        openai(
            "Invalid schema for response_format 'Briefs': In context=(), 'oneOf' is not permitted.",
            "response_format",
        ),
        STRICT,
        SCHEMA,
    ),
    "openai default": (
        openai("Invalid schema: In context=('properties', 'a'), 'default' is not permitted."),
        STRICT,
        SCHEMA,
    ),
    "cerebras minItems": (
        openai(
            "Unsupported JSON schema fields: {'minItems'}", "response_format", "wrong_api_format"
        ),
        SCHEMA,
        plain(SCHEMA),
    ),
    "cerebras wants closed objects": (
        openai(
            "'additionalProperties' is required to be supplied and set to false.",
            "response_format",
            "wrong_api_format",
        ),
        TOOLS,
        STRICT,
    ),
    "vllm xgrammar": (
        vllm("The provided JSON schema contains features not supported by xgrammar."),
        SCHEMA,
        plain(SCHEMA),
    ),
    "gemini states": (
        gemini("The specified schema produces a constraint that has too many states for serving."),
        SCHEMA,
        plain(SCHEMA),
    ),
    "recursion": (openai("Recursive schemas are not supported"), SCHEMA, inline(SCHEMA)),
    "the plainest format is too much": (
        vllm("The provided JSON schema contains features not supported by xgrammar."),
        plain(SCHEMA),
        JSON,
    ),
}

FORMATS = {
    "openai, an older model": (
        openai(
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with"
            " this model.",
            "response_format",
        ),
        STRICT,
        JSON,
    ),
    "deepseek": (openai("This response_format type is unavailable now"), STRICT, JSON),
    "deepseek in serde's words": (
        openai("response_format: response_format.type `json_schema` is unavailable now at line 1"),
        SCHEMA,
        JSON,
    ),
    "groq": (
        openai(
            "'response_format.type' : value is not one of the allowed values ['text','json_object']"
        ),
        STRICT,
        JSON,
    ),
    "groq, one model": (
        openai("This model does not support response format `json_schema`."),
        STRICT,
        JSON,
    ),
    "azure": (
        openai("response_format value as json_schema is enabled only for api versions 2024-08-01"),
        STRICT,
        JSON,
    ),
    "cerebras": (
        openai("type: Input should be 'text'", "response_format", "wrong_api_format"),
        SCHEMA,
        JSON,
    ),
    "serde": (
        "response_format.type: unknown variant `json_schema`, expected `text` or `json_object`",
        STRICT,
        JSON,
    ),
    "sglang": (
        vllm("Grammar-based generation (json_schema) is not supported with --grammar-backend none"),
        STRICT,
        JSON,
    ),
    "strict alone": (fastapi("response_format", "json_schema", "strict"), STRICT, SCHEMA),
    "strict in words": (openai("strict is not supported by this model"), STRICT, SCHEMA),
    "a format that is not explained": (openai("Bad value.", "response_format"), STRICT, SCHEMA),
    "lm studio": (
        "'response_format.type' must be 'json_schema' or 'text'",
        JSON,
        MD_JSON,
    ),
    "no format at all": (fastapi("response_format"), JSON, MD_JSON),
    "nothing is left": (fastapi("response_format"), MD_JSON, None),
}

OTHER = {
    "openai's key": openai("Incorrect API key provided: sk-tools", None, "invalid_api_key"),
    "gemini's key": gemini("API key not valid. Please pass a valid API key for tools."),
    "an unknown model": openai("The model `gpt-4.1-tools` does not exist", "model", None),
    "an invalid model": openai("Invalid model: tools-7b"),
    "openrouter's model": openai("json_schema/tools is not a valid model ID", None, 400),
    "a long context": openai(
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"
        " (5000 in the messages, 3000 in the tools, 1000 in the completion).",
        "messages",
        "context_length_exceeded",
    ),
    "vllm's context": vllm(
        "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context"
        " length is 2048 tokens and your request has 1000 input tokens."
    ),
    "llama.cpp's context": {
        "code": 400,
        "message": "the request exceeds the available context size, try increasing it",
        "type": "exceed_context_size_error",
    },
    "too many tokens": openai(
        "max_tokens is too large: 200000. This model supports at most 16384 completion tokens.",
        "max_tokens",
        "invalid_value",
    ),
    "too few tokens": fastapi("max_tokens", msg="Input should be greater than or equal to 1"),
    "azure's filter": openai(
        "The response was filtered due to the prompt triggering the content management policy.",
        "prompt",
        "content_filter",
    ),
    "dashscope's filter": openai(
        "Input data may contain inappropriate content.", None, "data_inspection_failed"
    ),
    "billing": openai("Your credit balance is too low, see the billing of your tools."),
    "a failed call": openai(
        "Failed to call a function. Adjust your prompt.", None, "tool_use_failed"
    ),
    "an empty message": {"message": "Assistant message must have either content or tool_calls"},
    "an option": openai("Unsupported value: 'temperature' does not support 0.2.", "temperature"),
    "nothing": {},
    "no body": "",
    "none at all": None,
    "a page": "<html><head><title>400 Bad Request</title></head></html>",
    "a list": [1, [2, None]],
    "what was sent": {"detail": [{"loc": ["body"], "msg": "is too odd", "input": "tools"}]},
}


@pytest.mark.parametrize(("status", "body", "expected"), FIELDS.values(), ids=FIELDS)
def test_a_field_that_is_refused_is_left_out_and_the_mode_stays(
    status: int, body: Any, expected: Way
) -> None:
    assert next_way(TOOLS, refusal(status, body)) == expected


@pytest.mark.parametrize(("status", "body", "way", "expected"), CHOICES.values(), ids=CHOICES)
def test_a_forced_call_becomes_a_free_one(status: int, body: Any, way: Way, expected: Way) -> None:
    assert next_way(way, refusal(status, body)) == expected


@pytest.mark.parametrize("body", NO_TOOLS.values(), ids=NO_TOOLS)
@pytest.mark.parametrize("status", [400, 422])
def test_without_tools_a_strict_schema_comes_next(status: int, body: Any) -> None:
    assert next_way(TOOLS, refusal(status, body)) == STRICT


@pytest.mark.parametrize(("body", "way", "expected"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_that_is_refused_becomes_simpler(body: Any, way: Way, expected: Way) -> None:
    assert next_way(way, refusal(400, body)) == expected


@pytest.mark.parametrize(("body", "way", "expected"), FORMATS.values(), ids=FORMATS)
def test_a_format_that_is_refused_becomes_a_simpler_one(
    body: Any, way: Way, expected: Way | None
) -> None:
    assert next_way(way, refusal(422, body)) == expected


@pytest.mark.parametrize("body", OTHER.values(), ids=OTHER)
@pytest.mark.parametrize("way", [TOOLS, STRICT, JSON], ids=lambda way: way.mode)
def test_a_refusal_for_another_reason_leads_nowhere(way: Way, body: Any) -> None:
    assert next_way(way, refusal(400, body)) is None


@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 413, 429, 500, 502, 503])
def test_another_status_leads_nowhere(status: int) -> None:
    assert next_way(TOOLS, refusal(status, openai("tools are not supported", "tools"))) is None


def test_the_tokens_field_may_be_either_and_once_both_are_refused_there_is_none() -> None:
    way = replace(TOOLS, tokens_fields=("max_completion_tokens", "max_tokens"))
    said = openai("Unrecognized request argument supplied: max_completion_tokens")
    after = next_way(way, refusal(400, said))
    assert after == replace(TOOLS, tokens_fields=("max_tokens",))
    assert next_way(after, refusal(400, said)) is None
    said = openai("Unrecognized request argument supplied: max_tokens")
    assert next_way(after, refusal(400, said)) == replace(TOOLS, tokens_fields=())


def test_a_schema_that_had_to_become_plain_stays_so_in_the_next_mode() -> None:
    said = openai("this model does not support tools", "tools")
    assert next_way(plain(TOOLS), refusal(400, said)) == plain(SCHEMA)


def test_every_chain_of_refusals_has_an_end_and_never_asks_twice_in_a_way() -> None:
    words = ["tools", "tool_choice", "response_format", "strict", "$ref", "minItems"]
    words += ["stream_options", "parallel_tool_calls", *TOKENS_FIELDS]
    said = [refusal(400, openai(f"Unsupported: {word}", word)) for word in words]

    @cache
    def longest(way: Way) -> int:
        """How many ways may follow each other; a way that comes again has no such number."""
        following = {next_way(way, refused) for refused in said} - {None}
        return 1 + max((longest(it) for it in following if it), default=0)

    assert 10 < longest(TOOLS) < 20


def test_what_is_read_of_a_refusal_is_bounded_and_no_depth_stalls_it() -> None:
    deep: Any = "tools"
    for _ in range(100):
        deep = {"error": deep}
    assert refusal(400, deep).text == ""
    assert len(refusal(400, {"message": "x" * 100_000}).text) == MAX_TEXT
    assert refusal(400, {"message": "[" * 100_000}).text == "[" * MAX_TEXT
