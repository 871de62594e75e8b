"""What of a batch is sent together."""

from __future__ import annotations

from app.http.endpoints.response import PIECE_BYTES, sent_together
from app.views.message import Message


def sizes(*lengths: int) -> list[list[int]]:
    batch = [Message(None, b"a" * length) for length in lengths]
    found = []
    while batch:
        found.append([len(message.data) for message in sent_together(batch)])
    return found


def test_small_messages_are_sent_together() -> None:
    assert sizes(1, 2, 3) == [[1, 2, 3]]


def test_a_large_message_goes_by_itself() -> None:
    large = 10 * PIECE_BYTES
    assert sizes(large) == [[large]]
    assert sizes(1, large, 2, 3) == [[1], [large], [2, 3]]


def test_many_small_messages_are_sent_in_few_pieces() -> None:
    found = sizes(*[100] * 5000)
    assert sum(map(len, found)) == 5000
    assert len(found) == -(-5000 // (PIECE_BYTES // 100))
