"""What providers' errors mean: the forms are theirs, the words are ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.errors import (
    OutputFiltered,
    OutputInvalid,
    ProviderProtocol,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from app.providers.provider_error import error_in_chunk, error_of_status, is_error

SAID = "sk-canary said"


def openai(code: Any = None, type: Any = None, **more: Any) -> dict[str, Any]:
    """OpenAI's form, which most have taken over."""
    return {"error": {"message": SAID, "type": type, "param": None, "code": code, **more}}


def anthropic(type: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": SAID}, "request_id": "r"}


def vllm(code: Any, type: str) -> dict[str, Any]:
    return {"object": "error", "message": SAID, "type": type, "param": None, "code": code}


def google(code: int, status: str) -> list[Any]:
    return [{"error": {"code": code, "message": SAID, "status": status}}]


def openrouter(code: int, **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": SAID, "metadata": metadata}, "user_id": "u"}


AZURE = openai(
    "content_filter",
    param="prompt",
    status=400,
    innererror={
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
    },
)
GROQ_TOOL = openai("tool_use_failed", "invalid_request_error", failed_generation=SAID)
GROQ_JSON = openai("json_validate_failed", "invalid_request_error", failed_generation=SAID)
IN_RAW = openrouter(400, raw=json.dumps(openai("content_filter")), provider_name="Azure")
IN_MESSAGE = {"error": {"message": json.dumps(google(429, "RESOURCE_EXHAUSTED")[0]), "code": None}}

FORMS: list[tuple[int, Any, type[ServiceError]]] = [
    # OpenAI
    (401, openai("invalid_api_key", "invalid_request_error"), ProviderRejected),
    (404, openai("model_not_found", "invalid_request_error"), ProviderRejected),
    (400, openai("context_length_exceeded", "invalid_request_error"), ProviderRejected),
    (400, openai("unsupported_value", "invalid_request_error"), ProviderRejected),
    (403, openai("unsupported_country_region_territory", "request_forbidden"), ProviderRejected),
    (429, openai("rate_limit_exceeded", "tokens"), ProviderRateLimited),
    (429, openai("rate_limit_exceeded", "requests"), ProviderRateLimited),
    (429, openai("insufficient_quota", "insufficient_quota"), ProviderQuotaExhausted),
    (400, openai("billing_hard_limit_reached", "billing_limit_user_error"), ProviderRejected),
    (500, openai(None, "server_error"), ProviderUnavailable),
    (503, openai("server_is_overloaded", "service_unavailable_error"), ProviderUnavailable),
    (400, openai("invalid_prompt", "invalid_request_error"), OutputFiltered),
    (400, openai("content_policy_violation", "invalid_request_error"), OutputFiltered),
    (400, openai("moderation_blocked", "image_generation_user_error"), OutputFiltered),
    # Azure
    (400, AZURE, OutputFiltered),
    (400, openai(None, None, innererror={"code": "ResponsibleAIPolicyViolation"}), OutputFiltered),
    (401, openai("401"), ProviderRejected),
    (404, openai("DeploymentNotFound"), ProviderRejected),
    (429, openai("429"), ProviderRateLimited),
    (408, openai("Timeout"), ProviderUnavailable),
    (424, openai("424"), ProviderUnavailable),
    # Anthropic, and relays of it
    (529, anthropic("overloaded_error"), ProviderUnavailable),
    (500, anthropic("api_error"), ProviderUnavailable),
    (504, anthropic("timeout_error"), ProviderUnavailable),
    (429, anthropic("rate_limit_error"), ProviderRateLimited),
    (402, anthropic("billing_error"), ProviderRejected),
    (401, anthropic("authentication_error"), ProviderRejected),
    (403, anthropic("permission_error"), ProviderRejected),
    (413, anthropic("request_too_large"), ProviderRejected),
    (400, anthropic("invalid_request_error"), ProviderRejected),
    # Google
    (429, google(429, "RESOURCE_EXHAUSTED"), ProviderRateLimited),
    (503, google(503, "UNAVAILABLE"), ProviderUnavailable),
    (504, google(504, "DEADLINE_EXCEEDED"), ProviderUnavailable),
    (500, google(500, "INTERNAL"), ProviderUnavailable),
    (499, google(499, "CANCELLED"), ProviderUnavailable),
    (409, google(409, "ABORTED"), ProviderUnavailable),
    (400, google(400, "INVALID_ARGUMENT"), ProviderRejected),
    (400, google(400, "FAILED_PRECONDITION"), ProviderRejected),
    (403, google(403, "PERMISSION_DENIED"), ProviderRejected),
    (404, google(404, "NOT_FOUND"), ProviderRejected),
    (400, {"promptFeedback": {"blockReason": "SAFETY"}}, OutputFiltered),
    (400, {"prompt_feedback": {"block_reason": "PROHIBITED_CONTENT"}}, OutputFiltered),
    # Mistral
    (429, vllm("1300", "rate_limited"), ProviderRateLimited),
    (429, vllm("3505", "service_tier_capacity_exceeded"), ProviderRateLimited),
    (400, vllm("3051", "invalid_model"), ProviderRejected),
    (503, vllm(None, "service_unavailable"), ProviderUnavailable),
    # Groq
    (400, GROQ_TOOL, OutputInvalid),
    (400, GROQ_JSON, OutputInvalid),
    (400, openai("output_parse_failed", "invalid_request_error"), OutputInvalid),
    (413, openai("rate_limit_exceeded", "tokens"), ProviderRejected),
    (498, openai("capacity_exceeded", "flex_tier_error"), ProviderUnavailable),
    (503, openai("over_capacity", "internal_server_error"), ProviderUnavailable),
    (400, openai("model_decommissioned", "invalid_request_error"), ProviderRejected),
    # DeepSeek
    (402, openai("invalid_request_error", "unknown_error"), ProviderRejected),
    (
        400,
        {"error": {"message": "Content Exists Risk", "code": "invalid_request_error"}},
        OutputFiltered,
    ),
    # xAI
    (
        403,
        {"code": "The caller may not do this", "error": "Content violates usage guidelines."},
        OutputFiltered,
    ),
    (429, {"code": "Some resource has been exhausted", "error": SAID}, ProviderRateLimited),
    (503, {"code": "The service is unavailable now", "error": SAID}, ProviderUnavailable),
    # Cerebras
    (
        429,
        {"message": SAID, "type": "too_many_requests_error", "code": "request_quota_exceeded"},
        ProviderRateLimited,
    ),
    (
        404,
        {"message": SAID, "type": "not_found_error", "code": "model_not_found"},
        ProviderRejected,
    ),
    # Together, Fireworks
    (503, {"id": "x", "error": {"message": SAID, "type": "overloaded"}}, ProviderUnavailable),
    (
        422,
        {"id": "x", "error": {"message": SAID, "type": "invalid_request_error"}},
        ProviderRejected,
    ),
    (412, {"error": {"object": "error", "type": "account_suspended"}}, ProviderRejected),
    (425, {"error": {"object": "error", "type": "model_starting_up"}}, ProviderUnavailable),
    # OpenRouter
    (502, openrouter(502, provider_name="x"), ProviderUnavailable),
    (429, openrouter(429, raw="busy upstream"), ProviderRateLimited),
    (402, openrouter(402), ProviderRejected),
    (403, openrouter(403, reasons=["violence"], flagged_input=SAID), OutputFiltered),
    (503, openrouter(503, error_type="provider_overloaded"), ProviderUnavailable),
    (400, IN_RAW, OutputFiltered),
    (429, IN_MESSAGE, ProviderRateLimited),
    # Cohere, Perplexity
    (422, {"id": "x", "message": SAID}, ProviderRejected),
    (401, openai(401, "invalid_api_key"), ProviderRejected),
    # DashScope
    (400, openai("data_inspection_failed", "data_inspection_failed"), OutputFiltered),
    (400, {"code": "DataInspectionFailed", "message": SAID, "request_id": "r"}, OutputFiltered),
    (400, openai("Arrearage", "Arrearage"), ProviderRejected),
    (429, {"code": "Throttling.RateQuota", "message": SAID}, ProviderRateLimited),
    (500, {"code": "InternalError.Algo", "message": SAID}, ProviderUnavailable),
    # Moonshot
    (429, openai(None, "engine_overloaded_error"), ProviderRateLimited),
    (429, openai(None, "exceeded_current_quota_error"), ProviderQuotaExhausted),
    (400, openai(None, "content_filter"), OutputFiltered),
    # Bedrock behind a gateway
    (400, {"__type": "com.amazon.coral.service#ThrottlingException"}, ProviderRateLimited),
    (400, {"__type": "ValidationException", "message": SAID}, ProviderRejected),
    # vLLM, SGLang
    (400, vllm(400, "BadRequestError"), ProviderRejected),
    (404, vllm(404, "NotFoundError"), ProviderRejected),
    (500, vllm(500, "InternalServerError"), ProviderUnavailable),
    (500, {"error": vllm(500, "EngineDeadError")}, ProviderUnavailable),
    (400, {"detail": [{"loc": ["body"], "msg": SAID, "type": "missing"}]}, ProviderRejected),
    # TGI
    (429, {"error": "Model is overloaded", "error_type": "overloaded"}, ProviderRateLimited),
    (424, {"error": SAID, "error_type": "generation"}, ProviderUnavailable),
    (422, {"error": SAID, "error_type": "validation"}, ProviderRejected),
    # llama.cpp
    (503, openai(503, "unavailable_error"), ProviderUnavailable),
    (400, openai(400, "exceed_context_size_error"), ProviderRejected),
    (500, openai(500, "server_error"), ProviderUnavailable),
    # Ollama, LM Studio
    (404, {"error": "model 'x' not found"}, ProviderRejected),
    (503, {"error": "server busy, please try again"}, ProviderUnavailable),
    (400, {"error": SAID}, ProviderRejected),
    # LiteLLM
    (429, openai("429", "None"), ProviderRateLimited),
    (
        400,
        {"error": {"message": f"litellm.ContentPolicyViolationError: {SAID}", "code": "400"}},
        OutputFiltered,
    ),
    (400, openai("429", "throttling_error"), ProviderRateLimited),
    # Cloudflare
    (429, {"errors": [{"code": 3040, "message": SAID}], "success": False}, ProviderRateLimited),
    (520, "<html>", ProviderUnavailable),
]
"""A status, the body that comes with it, and what it means."""


@pytest.mark.parametrize(("status", "body", "kind"), FORMS)
def test_a_status_with_a_body_is(status: int, body: Any, kind: type[ServiceError]) -> None:
    error = error_of_status(status, json.dumps(body).encode(), 7)
    assert type(error) is kind
    assert (error.cause or "").startswith(f"status {status}")
    assert "canary" not in f"{error} {error.detail} {error.errors} {error.cause}"
    if isinstance(error, ProviderRateLimited | ProviderUnavailable):
        assert error.retry_after == 7


WITHOUT_A_WORD = [
    {"id": "x", "message": SAID},
    {"error": SAID},
    {"error": "model 'x' not found"},
    openai("invalid_request_error", "unknown_error"),
    openai("rate_limit_exceeded", "tokens"),
    "<html>",
]
"""Bodies from which nobody could tell what their status is."""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (body, kind)
        for status, body, kind in FORMS
        if body not in WITHOUT_A_WORD
        # Where a provider has an own status for it, its words say something else.
        and status not in (412, 425, 498)
        and (status, kind) != (429, ProviderRateLimited)
    ],
)
def test_in_a_stream_an_error_is_what_its_status_would_be(
    body: Any, kind: type[ServiceError]
) -> None:
    assert is_error(body)
    error = error_in_chunk(body)
    assert type(error) is kind
    assert "canary" not in f"{error} {error.detail} {error.errors} {error.cause}"


@pytest.mark.parametrize(
    "body",
    [
        openai("rate_limit_exceeded", "tokens"),
        openai("429"),
        openai(429),
        openai(429.0),
        openai("too_many_requests"),
        anthropic("rate_limit_error"),
        google(429, "RESOURCE_EXHAUSTED"),
        google(8, "RESOURCE_EXHAUSTED"),
        {"code": "Throttling.RateQuota", "message": SAID},
        {"error": "Rate limit reached for requests"},
        {"error": {"error": {"type": "rate_limit_exceeded"}}},
        {"status": 429, "title": "Too Many Requests", "detail": SAID},
        {"errors": [{"code": "rate_limited"}]},
        IN_MESSAGE,
    ],
)
def test_in_a_stream_a_rate_limit_is_one_whatever_its_form(body: Any) -> None:
    assert is_error(body)
    assert type(error_in_chunk(body)) is ProviderRateLimited


def test_what_is_within_the_error_means_the_same_as_the_whole() -> None:
    for _, body, kind in FORMS:
        if isinstance(body, dict) and "error" in body and body.keys() <= {"error", "user_id"}:
            assert type(error_in_chunk(body["error"])) is type(error_in_chunk(body)), kind


@pytest.mark.parametrize(
    "body",
    [
        {"error": SAID},
        {"error": {"message": SAID}},
        {"error": {"code": None, "type": "", "message": SAID}},
        {"error": {"code": {"deep": "er"}, "type": ["list"], "status": True}},
        {"error": ["no", 1, None, {}]},
        {"error": 42},
        {"object": "error"},
        [{"error": {"message": SAID}}],
    ],
)
def test_in_a_stream_an_error_of_no_known_kind_is_against_the_protocol(body: Any) -> None:
    assert is_error(body)
    assert type(error_in_chunk(body)) is ProviderProtocol


@pytest.mark.parametrize(
    "event",
    [
        {"choices": []},
        {"choices": [], "error": None},
        {"choices": [], "error": {}},
        {"choices": [], "error": ""},
        {"choices": [{"delta": {"content": "x"}}], "code": 200, "type": "chunk"},
        {"usage": {"prompt_tokens": 1}},
        {"object": "chat.completion.chunk"},
        {"type": "ping"},
        [],
        [{"choices": []}],
        {},
        None,
        "error",
        7,
    ],
)
def test_what_tells_no_error_is_none(event: Any) -> None:
    assert not is_error(event)


@pytest.mark.parametrize("status", range(300, 600))
def test_each_status_means_something_without_a_body(status: int) -> None:
    error = error_of_status(status)
    if status == 429:
        assert type(error) is ProviderRateLimited
    elif status >= 500 or status in (408, 409, 424, 425, 498, 499):
        assert type(error) is ProviderUnavailable
    else:
        assert type(error) is ProviderRejected
    assert error.cause == f"status {status}"


def test_a_body_that_is_cut_off_is_read_as_far_as_it_goes() -> None:
    generated = json.dumps(openai("json_validate_failed", failed_generation="x" * 9000)).encode()
    assert type(error_of_status(400, generated[:8192])) is OutputInvalid
    azure = json.dumps(AZURE).encode()
    at = azure.index(b"content_filter") + len(b'content_filter"')
    assert type(error_of_status(400, azure[:at])) is OutputFiltered
    for cut in range(len(azure)):
        assert isinstance(error_of_status(400, azure[:cut]), ServiceError)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[" * 8192,
        b'{"error":' * 900,
        b'{"error": {"code": ' + b"9" * 8000 + b"}}",
        b'{"error": {"code": 1e999, "status": -Infinity, "type": NaN}}',
        b'{"error": {"code": "\\ud800"}}',
        json.dumps({"error": [{"error": [{}] * 50}] * 50}).encode(),
        json.dumps({"error": "[" * 5000}).encode(),
    ],
)
def test_a_hostile_body_says_nothing(body: bytes) -> None:
    assert type(error_of_status(400, body)) is ProviderRejected
    assert error_of_status(400, body).cause == "status 400"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (openai("rate_limit_exceeded", "tokens"), "status 400, code rate_limit_exceeded"),
        (
            openai("unsupported_value", param="messages[0].content"),
            "status 400, code unsupported_value, param messages[0].content",
        ),
        (openai(None, "server_error"), "status 400, code server_error"),
        (openai(1300), "status 400, code 1300"),
        (openai("two words", "a" * 41, param="b" * 65), "status 400"),
        (openai("sk-4f9a", param="tools[1].sk4f9a"), "status 400"),
        (
            openai("InternalError.Algo", param="tools.0.name"),
            "status 400, code InternalError.Algo, param tools.0.name",
        ),
        ({"error": "canary", "detail": "canary", "title": "canary"}, "status 400"),
        ({"error": {"message": "CanaryError: canary"}}, "status 400"),
        (openai("new\nline", param="new\nline"), "status 400"),
        (openai(param="x", code="é"), "status 400, param x"),
        (anthropic("api_error"), "status 400, code api_error"),
    ],
)
def test_the_log_is_told_the_code_and_the_field_and_no_sentence(body: Any, cause: str) -> None:
    assert error_of_status(400, json.dumps(body).encode()).cause == cause
    assert error_in_chunk(body).cause == cause.replace("status 400", "an error in the answer")
