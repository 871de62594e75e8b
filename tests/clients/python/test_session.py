"""The client's state machine: what it asks for next, whatever happens. No network, no clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structured_streams.error import StreamError
from structured_streams.session import Partial, Session

EVENTS = {"content-type": "text/event-stream; charset=utf-8", "location": "/api/streams/S"}
START = json.dumps({"stream": "S", "schema": "ideas", "model": "m", "view": "delta"})
FIRST = json.dumps([{"op": "replace", "path": "", "value": ["a"]}])


def new(**options: Any) -> Session[Any]:
    options = {"jitter": lambda: 1.0, **options}
    return Session("http://host/api/", "ideas", {"topic": "tea"}, **options)


def begun(**options: Any) -> Session[Any]:
    """A session that has had one patch."""
    session = new(**options)
    session.ask()
    assert session.answered(200, EVENTS)
    assert session.received("start", START, "S-0") is None
    assert session.received("patch", FIRST, "S-4")
    return session


def refused(session: Session[Any], status: int, body: Any, **headers: str) -> None:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    assert not session.answered(status, headers)
    session.refused(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def problem(code: str, retryable: bool = True) -> dict[str, Any]:
    return {"code": code, "error": "No.", "retryable": retryable, "request_id": "R"}


def test_a_stream_begins_under_a_key_that_stays() -> None:
    session = new(model="m", interval_ms=0, api_key="k", headers={"X-Mine": "1"})
    first, again = session.ask(), session.ask()
    assert (first.method, first.url) == ("POST", "http://host/api/ideas")
    assert first.params == {"view": "delta", "interval_ms": "0", "model": "m"}
    assert first.content == b'{"topic":"tea"}'
    assert first.headers["Authorization"] == "Bearer k"
    assert first.headers["X-Mine"] == "1"
    assert len(first.headers["Idempotency-Key"]) == 32
    assert first == again
    assert "Bearer" not in repr(first)
    assert new().ask().headers["Idempotency-Key"] != first.headers["Idempotency-Key"]


def test_a_stream_that_is_known_is_read_on_after_the_last_event() -> None:
    session = new()
    assert session.answered(200, EVENTS)
    ask = session.ask()
    assert (ask.method, ask.url) == ("GET", "http://host/api/streams/S")
    assert "Last-Event-ID" not in ask.headers
    session = begun()
    assert session.received("ping", "null", "S-4") is None
    session.received("message", "", "S-4")  # a comment, as httpx-sse gives it
    assert session.ask().headers["Last-Event-ID"] == "S-4"
    assert "Idempotency-Key" not in session.ask().headers


def test_returns_are_further_and_further_apart_and_not_endless() -> None:
    session = begun(retries=6)
    assert [session.pause() for _ in range(6)] == [0.5, 1, 2, 4, 8, 8]
    with pytest.raises(StreamError) as raised:
        session.pause()
    assert (raised.value.code, raised.value.retryable) == ("connection_lost", True)
    assert begun(jitter=lambda: 0.0).pause() == 0.25


def test_a_first_request_that_nothing_answers_is_sent_three_times_within_two_seconds() -> None:
    session = new()
    pauses = []
    for _ in range(2):
        session.ask()
        session.unreached(True)
        pauses.append(session.pause())
    assert sum(pauses) <= 1.5
    session.ask()
    session.unreached(True)
    with pytest.raises(StreamError, match=r"^No service answers at http://host\.$") as raised:
        session.pause()
    assert (raised.value.code, raised.value.retryable) == ("connection_lost", True)


def test_it_is_sent_as_often_as_any_once_something_has_answered() -> None:
    session = new()
    session.unreached(False)  # the connection broke after the request
    assert [session.pause() for _ in range(5)] == [0.5, 1, 2, 4, 8]
    session = begun()
    session.unreached(True)  # the service is restarted
    assert [session.pause() for _ in range(5)] == [0.5, 1, 2, 4, 8]


def test_news_make_the_count_of_returns_begin_again_but_a_start_does_not() -> None:
    session = begun(retries=1)
    session.pause()
    session.received("patch", FIRST, "S-5")
    session.pause()
    session.received("start", START, "S-5")
    with pytest.raises(StreamError):
        session.pause()


def test_heartbeats_are_no_news() -> None:
    session = begun(retries=1)
    session.pause()
    assert session.received("ping", "null", "S-4") is None
    assert session.received("ping", "null", "") is None
    assert session.ask().headers["Last-Event-ID"] == "S-4"
    with pytest.raises(StreamError):
        session.pause()


@pytest.mark.parametrize(("given", "pause"), [("3", 3), ("0", 0.5), ("soon", 0.5)])
def test_a_service_that_is_busy_is_asked_again_when_it_says(given: str, pause: float) -> None:
    session = new()
    session.ask()
    refused(session, 503, problem("draining"), retry_after=given)
    assert session.pause() == pause
    assert session.farewell() is None  # it has begun nothing


def test_a_retry_after_may_be_a_date() -> None:
    session = new()
    refused(session, 429, problem("rate_limited"), retry_after="Fri, 01 Jan 2021 00:00:00 GMT")
    assert session.pause() == 0.5


def test_who_should_come_back_in_an_hour_is_told_so() -> None:
    with pytest.raises(StreamError) as raised:
        refused(new(), 429, problem("rate_limited"), retry_after="3600")
    assert (raised.value.retry_after, raised.value.retryable) == (3600, True)


def test_the_last_refusal_is_the_error_where_the_service_stays_busy() -> None:
    session = new(retries=0)
    refused(session, 503, problem("overloaded"))
    with pytest.raises(StreamError) as raised:
        session.pause()
    assert raised.value.code == "overloaded"


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (422, "invalid_request", False),
        (404, "stream_not_found", False),
        (410, "stream_expired", False),
        (502, "provider_unavailable", True),
        (503, "provider_rate_limited", True),
        (502, "output_refused", False),
        (500, "internal", True),
    ],
)
def test_a_refusal_is_an_error_with_all_that_it_says(
    status: int, code: str, retryable: bool
) -> None:
    errors = [{"path": "/topic", "message": "is too long"}]
    session = new()
    with pytest.raises(StreamError, match=r"No\.") as raised:
        refused(session, status, {**problem(code, retryable), "errors": errors})
    error = raised.value
    assert (error.code, error.status, error.retryable) == (code, status, retryable)
    assert (error.request_id, error.errors) == ("R", errors)
    with pytest.raises(StreamError) as again:
        session.result()
    assert again.value is error


def test_what_a_proxy_says_is_a_lost_connection_and_what_is_no_service_is_an_error() -> None:
    session = new(retries=1)
    refused(session, 502, b"<h1>Bad gateway</h1>")
    assert session.pause() == 0.5
    for status, body in ((200, b"<h1>Welcome</h1>"), (404, b"[]"), (302, b"")):
        with pytest.raises(StreamError) as raised:
            refused(new(), status, body)
        assert (raised.value.code, raised.value.status) == ("unexpected_response", status)


@pytest.mark.parametrize(("status", "retryable"), [(502, False), (500, False), (409, True)])
def test_the_service_says_whether_another_try_may_help_whatever_the_code_and_status(
    status: int, retryable: bool
) -> None:
    with pytest.raises(StreamError) as raised:
        refused(new(), status, problem("of_a_later_version", retryable))
    error = raised.value
    assert (error.code, error.status, error.retryable) == ("of_a_later_version", status, retryable)


@pytest.mark.parametrize(
    "body", [{"code": "quota", "message": "No."}, {"retryable": False}, {"code": 7}, [], None]
)
def test_json_that_is_no_problem_of_the_services_is_a_proxys(body: Any) -> None:
    session = new(retries=1)
    refused(session, 429, body)
    assert session.pause() == 0.5


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("patch", "[{"),
        ("patch", '[{"op":"append","path":"/7","value":"x"}]'),
        ("start", "{}"),
        ("restart", "7"),
        ("usage", "{}"),
        ("error", "[]"),
    ],
)
def test_what_can_t_be_read_is_an_error_and_is_cancelled(event: str, data: str) -> None:
    session = begun()
    with pytest.raises(StreamError) as raised:
        session.received(event, data, "S-5")
    assert raised.value.code == "unexpected_response"
    ask = session.farewell()
    assert ask
    assert (ask.method, ask.url, ask.params) == ("DELETE", "http://host/api/streams/S", {})
    assert session.farewell() is None


def test_reasoning_is_asked_for_and_gathered_within_an_attempt() -> None:
    session = begun(reasoning=True)
    assert session.ask().params["reasoning"] == "true"
    assert "reasoning" not in begun().ask().params
    session.received("reasoning", '{"text":"Let me"}', "S-5")
    assert session.received("reasoning", '{"text":" see."}', "S-5") == Partial(["a"], (0,), 1)
    assert session.reasoning == "Let me see."
    session.received("patch", '[{"op":"replace","path":"","value":"a"}]', "S-3")
    assert session.received("reasoning", '{"text":""}', "S-4") == Partial("a", (), 1)
    restart = '{"attempt":2,"code":"output_invalid","errors":[],"model":"other"}'
    assert session.received("restart", restart, "S-5") == Partial(None, None, 2)
    assert (session.reasoning, session.model) == ("", "other")


def test_events_that_it_does_not_know_are_passed_over() -> None:
    session = begun()
    assert session.received("weather", '"fine"', "S-5") is None
    assert session.ask().headers["Last-Event-ID"] == "S-5"


def test_who_leaves_before_the_first_answer_finds_the_stream_by_its_key_and_cancels_it() -> None:
    session = new()
    assert session.farewell() is None  # nothing has been asked for
    begin = session.ask()
    assert session.farewell() == begin
    session.answered(200, EVENTS)
    cancel = session.farewell()
    assert cancel
    assert cancel.method == "DELETE"
    assert session.farewell() is None


def test_a_stream_that_has_ended_is_not_cancelled() -> None:
    session = begun()
    assert session.received("done", '["a"]', "S-9") == (["a"], None, 1)
    assert session.is_over
    assert session.farewell() is None
    assert session.result() == ["a"]
    failed = begun()
    with pytest.raises(StreamError):
        failed.received("error", json.dumps({"error": "No.", "code": "cancelled"}), "S-9")
    assert failed.farewell() is None


def test_a_stream_that_was_left_has_no_result() -> None:
    with pytest.raises(StreamError) as raised:
        begun().result()
    assert raised.value.code == "abandoned"


@pytest.mark.parametrize("url", ["localhost:8000", "", "ftp://host"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        Session(url, "ideas", {})
