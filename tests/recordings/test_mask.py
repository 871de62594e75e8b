"""No secret is in what is recorded, however it was cut into pieces."""

from __future__ import annotations

import pytest

from app.recordings.mask import Mask

KEY = 'sk-"secret"/1234'
TEXT = f"before {KEY} between {KEY[:-1]} after".encode()
MASKED = TEXT.replace(KEY.encode(), b"*" * len(KEY))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 15, 16, 17, 1000])
def test_a_secret_is_masked_wherever_it_is_cut(size: int) -> None:
    mask = Mask([KEY, "a longer secret"])
    pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    found = [each for at, piece in enumerate(pieces) for each in mask.feed(at, piece)]
    found += mask.flush()
    assert b"".join(data for _, data in found) == MASKED
    assert [(at, len(data)) for at, data in found] == [
        (at, len(piece)) for at, piece in enumerate(pieces)
    ]


def test_a_secret_is_masked_as_json_writes_it() -> None:
    assert KEY[4:10].encode() not in Mask([KEY]).masked(b'{"key":"sk-\\"secret\\"/1234"}')


def test_without_a_secret_each_piece_goes_on_at_once() -> None:
    assert list(Mask(["short"]).feed(1.5, b"a short word")) == [(1.5, b"a short word")]
