"""A base URL in parts."""

from __future__ import annotations

import pytest

from app.providers.base_url import SplitUrl, split


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.example/v1", ("https://a.example/v1", {}, {})),
        ("https://a.example/v1/", ("https://a.example/v1/", {}, {})),
        ("http://[::1]:11434/v1", ("http://[::1]:11434/v1", {}, {})),
        ("https://a.example", ("https://a.example", {}, {})),
        (
            "https://a.example/v1?api-version=2024-10-21&empty=&text=a%20b",
            ("https://a.example/v1", {"api-version": "2024-10-21", "empty": "", "text": "a b"}, {}),
        ),
        ("https://a.example?v=1", ("https://a.example", {"v": "1"}, {})),
        (
            "https://user:pw@a.example:8443/v1",
            ("https://a.example:8443/v1", {}, {"Authorization": "Basic dXNlcjpwdw=="}),
        ),
        # RFC 7617: the pair is joined by a colon, and a password may hold one.
        (
            "https://us%40er:p%3Aw%2F@a.example/v1",
            ("https://a.example/v1", {}, {"Authorization": "Basic dXNAZXI6cDp3Lw=="}),
        ),
        ("http://user@a.example", ("http://a.example", {}, {"Authorization": "Basic dXNlcjo="})),
        (None, (None, {}, {})),
    ],
)
def test_the_query_and_the_user_info_are_taken_apart(url: str | None, parts: SplitUrl) -> None:
    assert split(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.example/v1", "localhost:1234", "ftp://a.example", "http://", "http:///v1"),
        *("http://user@/v1", "http://a.example:port/v1", "http://a.example:70000", "http://a:0"),
        *("https://a.example/v1#part", "https://a.example/ v1", "https://a.example/v1\n"),
        *("https://a.example?a=1&a=2", "https://a.example?flag", "http://[::1/v1"),
    ],
)
def test_what_is_no_url_of_an_api_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split(url)
