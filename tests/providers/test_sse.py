"""Bytes to the data of events, as providers really write them."""

from __future__ import annotations

import pytest

from app.errors import ProviderProtocol
from app.providers.sse import MAX_EVENT_BYTES, EventDecoder


def data_of(*reads: bytes) -> list[str]:
    """The data of each event in these reads."""
    events = EventDecoder()
    return [data.decode() for read in reads for data in events.feed(read)]


def frame(data: str, ending: str = "\n") -> bytes:
    return f"data: {data}{ending}{ending}".encode()


def test_an_event_has_its_data() -> None:
    assert data_of(b'data: {"a": 1}\n\n') == ['{"a": 1}']


def test_several_events_may_come_in_one_read() -> None:
    assert data_of(frame("a") + frame("b") + frame("c")) == ["a", "b", "c"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_event_may_be_cut_at_every_byte(ending: str) -> None:
    data = b": hello\n\n" + frame("café 🍜", ending) + b"event: message\n" + frame("b", ending)
    for at in range(len(data) + 1):
        assert data_of(data[:at], data[at:]) == ["café 🍜", "b"]
    assert data_of(*(data[at : at + 1] for at in range(len(data)))) == ["café 🍜", "b"]


def test_comments_other_fields_and_blank_lines_are_passed_over() -> None:
    data = b": ping\n\n\n\nid: 7\nevent: x\nretry: 5\n\nupon a time\n\n" + frame("a") + b":\n\n"
    assert data_of(data) == ["a"]


def test_the_space_after_data_may_be_missing() -> None:
    assert data_of(frame("a").replace(b"data: ", b"data:")) == ["a"]


def test_data_may_have_several_lines() -> None:
    assert data_of(b"data: a\ndata: b\n\n") == ["a\nb"]


def test_what_came_before_an_error_is_given_first() -> None:
    given = EventDecoder().feed(frame("a") + b"data: " + b"x" * (MAX_EVENT_BYTES + 1) + b"\n\n")
    assert next(given) == b"a"
    with pytest.raises(ProviderProtocol):
        next(given)


def test_a_line_without_an_end_is_an_error_once_it_passes_the_bound() -> None:
    events = EventDecoder()
    piece = b"x" * 65536
    for _ in range(MAX_EVENT_BYTES // len(piece)):
        assert not list(events.feed(piece))
    with pytest.raises(ProviderProtocol):
        list(events.feed(piece))


def test_an_event_without_an_end_is_an_error_once_it_passes_the_bound() -> None:
    events = EventDecoder()
    piece = b"data: " + b"x" * 65000 + b"\n"
    for _ in range(MAX_EVENT_BYTES // 65536):
        assert not list(events.feed(piece))
    with pytest.raises(ProviderProtocol):
        list(events.feed(piece))


def test_a_line_that_is_called_error_is_data() -> None:
    assert data_of(b'error: {"code": 500}\n\n' + frame("a")) == ['{"code": 500}', "a"]
