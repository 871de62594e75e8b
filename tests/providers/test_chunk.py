"""Bytes to chunks, as providers really write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.errors import ProviderProtocol
from app.providers.chunk import MAX_CHUNK_BYTES, ChunkDecoder


def contents(*reads: bytes) -> list[str | None]:
    """The content of each chunk in these reads."""
    chunks = ChunkDecoder()
    return [
        chunk.choices[0].delta.content
        for data in reads
        for chunk in chunks.feed(data)
        if chunk.choices and chunk.choices[0].delta
    ]


def frame(content: str, ending: str = "\n") -> bytes:
    data = json.dumps({"choices": [{"index": 0, "delta": {"content": content}}]})
    return f"data: {data}{ending}{ending}".encode()


def test_an_event_is_a_chunk() -> None:
    assert contents(b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n') == ["a"]


def test_several_events_may_come_in_one_read() -> None:
    assert contents(frame("a") + frame("b") + frame("c")) == ["a", "b", "c"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_event_may_be_cut_at_every_byte(ending: str) -> None:
    data = b": hello\n\n" + frame("café 🍜", ending) + b"event: message\n" + frame("b", ending)
    for at in range(len(data) + 1):
        assert contents(data[:at], data[at:]) == ["café 🍜", "b"]
    assert contents(*(data[at : at + 1] for at in range(len(data)))) == ["café 🍜", "b"]


def test_comments_other_fields_and_blank_lines_are_passed_over() -> None:
    data = b": ping\n\n\n\nid: 7\nevent: x\nretry: 5\n\nupon a time\n\n" + frame("a") + b":\n\n"
    assert contents(data) == ["a"]


def test_the_space_after_data_may_be_missing() -> None:
    assert contents(frame("a").replace(b"data: ", b"data:")) == ["a"]


def test_data_may_have_several_lines() -> None:
    assert contents(b'data: {"choices": [{"delta":\ndata: {"content": "a"}}]}\n\n') == ["a"]


def test_nothing_is_read_after_done() -> None:
    chunks = ChunkDecoder()
    assert len(list(chunks.feed(frame("a") + b"data: [DONE]\n\n" + frame("b")))) == 1
    assert chunks.done


def test_unknown_fields_are_passed_over_and_null_is_as_good_as_nothing() -> None:
    data: dict[str, Any] = {
        "id": "x",
        "error": None,
        "usage": None,
        "system_fingerprint": None,
        "choices": [
            {
                "index": None,
                "logprobs": None,
                "finish_reason": None,
                "delta": {"role": "assistant", "content": "a", "tool_calls": None, "refusal": None},
            }
        ],
    }
    assert contents(f"data: {json.dumps(data)}\n\n".encode()) == ["a"]


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"choices": 1}',
        b'{"choices": [{"delta": {"content": 1}}]}',
        b'{"choices": [{"delta": {"content": "\xff"}}]}',
        b'{"error": {"message": "no"}}',
        b'{"error": "no"}',
        b'{"error": {}, "choices": []}',
    ],
)
def test_what_can_not_be_read_is_an_error(data: bytes) -> None:
    with pytest.raises(ProviderProtocol):
        contents(b"data: " + data + b"\n\n")


def test_what_came_before_an_error_is_given_first() -> None:
    given = ChunkDecoder().feed(frame("a") + b"data: {\n\n")
    assert next(given).choices
    with pytest.raises(ProviderProtocol):
        next(given)


def test_a_line_without_an_end_is_an_error_once_it_passes_the_bound() -> None:
    chunks = ChunkDecoder()
    piece = b"x" * 65536
    for _ in range(MAX_CHUNK_BYTES // len(piece)):
        assert not list(chunks.feed(piece))
    with pytest.raises(ProviderProtocol):
        list(chunks.feed(piece))


def test_an_event_without_an_end_is_an_error_once_it_passes_the_bound() -> None:
    chunks = ChunkDecoder()
    piece = b"data: " + b"x" * 65000 + b"\n"
    for _ in range(MAX_CHUNK_BYTES // 65536):
        assert not list(chunks.feed(piece))
    with pytest.raises(ProviderProtocol):
        list(chunks.feed(piece))
