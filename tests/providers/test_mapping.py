"""Other people's exceptions become ours, each of them."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import httpx2
import openai
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from app.errors import (
    ProviderError,
    ProviderInterrupted,
    ProviderProtocol,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from app.providers.mapping import LONGEST_RETRY_AFTER, retry_after, while_opening, while_reading

REQUEST = httpx2.Request("POST", "http://provider.example/v1/chat/completions")
KEY = ConnectionKey("provider.example", 443, True, True, None, None, None)
SECRET = "sk-canary"


def of_status(code: int, **headers: str) -> openai.APIStatusError:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(code, headers=sent, request=REQUEST)
    return openai.APIStatusError(SECRET, response=response, body={"message": SECRET})


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ProviderRejected),
        (401, ProviderRejected),
        (403, ProviderRejected),
        (404, ProviderRejected),
        (422, ProviderRejected),
        (408, ProviderUnavailable),
        (429, ProviderRateLimited),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (529, ProviderUnavailable),
    ],
)
def test_a_status_is(code: int, kind: type[ProviderError]) -> None:
    error = while_opening(of_status(code))
    assert type(error) is kind
    assert error.cause == f"status {code}"  # for the log, and all of it


def test_every_status_that_is_no_success_is_mapped() -> None:
    for code in range(300, 600):
        assert isinstance(while_opening(of_status(code)), ProviderError)


def test_a_connection_that_was_refused_is_unavailable_though_the_sdk_says_timeout() -> None:
    refused = aiohttp.ClientConnectorError(KEY, OSError(111, "refused"))
    said = openai.APITimeoutError(request=REQUEST)
    error = caused(said, caused(httpx2.ConnectTimeout("", request=REQUEST), refused))
    assert type(while_opening(error)) is ProviderUnavailable


def test_a_connection_that_took_too_long_is_a_timeout() -> None:
    for own in (aiohttp.ConnectionTimeoutError(), aiohttp.ServerTimeoutError()):
        assert type(while_opening(caused(openai.APIConnectionError(request=REQUEST), own))) is (
            ProviderTimeout
        )
    assert type(while_opening(openai.APITimeoutError(request=REQUEST))) is ProviderTimeout
    assert type(while_opening(TimeoutError())) is ProviderTimeout


def test_an_answer_that_is_no_http_breaks_the_protocol() -> None:
    request = aiohttp.RequestInfo(URL(), "POST", CIMultiDictProxy(CIMultiDict()), URL())
    unreadable = aiohttp.ClientResponseError(request, (), message=SECRET)
    error = caused(openai.APIConnectionError(request=REQUEST), unreadable)
    assert type(while_opening(error)) is ProviderProtocol
    refused = aiohttp.ClientHttpProxyError(request, (), message=SECRET)
    assert type(while_opening(refused)) is ProviderUnavailable


def test_what_is_ours_stays_as_it_is() -> None:
    ours = ProviderRateLimited(retry_after=3)
    assert while_opening(caused(RuntimeError(), caused(ValueError(), ours))) is ours
    protocol = ProviderProtocol()
    assert while_reading(caused(RuntimeError(), protocol)) is protocol


def sdk_errors() -> list[BaseException]:
    """One of each of the SDK's exceptions that are made in the two usual ways."""
    made: list[BaseException] = []
    for _, kind in inspect.getmembers(openai, inspect.isclass):
        with suppress(TypeError):
            if issubclass(kind, openai.APIStatusError):
                made.append(kind(SECRET, response=httpx2.Response(400, request=REQUEST), body=None))
            elif issubclass(kind, openai.APIConnectionError):
                made.append(kind(request=REQUEST))
    assert len(made) > 8
    return made


@pytest.mark.parametrize(
    "error",
    [
        *sdk_errors(),
        openai.OpenAIError(SECRET),
        aiohttp.ClientPayloadError(SECRET),
        aiohttp.ServerDisconnectedError(SECRET),
        aiohttp.ClientOSError(104, SECRET),
        httpx2.RemoteProtocolError(SECRET, request=REQUEST),
        httpx2.ReadTimeout(SECRET, request=REQUEST),
        httpx2.ReadError(SECRET, request=REQUEST),
        asyncio.IncompleteReadError(b"", 1),
        OSError(104, SECRET),
        RuntimeError(SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_map_is_total_and_leaves_their_words_behind(error: BaseException) -> None:
    for ours in (while_opening(error), while_reading(error)):
        assert isinstance(ours, ProviderError)
        assert SECRET not in f"{ours} {ours.detail} {ours.errors}"
    assert type(while_reading(error)) is ProviderInterrupted


def test_causes_that_go_in_a_circle_are_no_trouble() -> None:
    one, two = RuntimeError(), RuntimeError()
    one.__cause__, two.__cause__ = two, one
    assert type(while_opening(one)) is ProviderUnavailable


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 2 ", 2.0),
        ("-1", 0.0),
        ("99999999", LONGEST_RETRY_AFTER),
        ("inf", LONGEST_RETRY_AFTER),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Mon, 01 Jan 1990 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 9990 00:00:00 GMT", LONGEST_RETRY_AFTER),
        ("Mon, 99 Jan 2030 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


def test_a_date_in_retry_after_is_told_in_seconds() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    seconds = retry_after({"retry-after": date})
    assert seconds is not None
    assert 90 < seconds <= 100


def test_no_retry_after_is_none() -> None:
    assert retry_after({}) is None


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_kept(code: int) -> None:
    assert while_opening(of_status(code, Retry_After="7")).retry_after == 7
