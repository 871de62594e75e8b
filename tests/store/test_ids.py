"""The ids of shared streams."""

from __future__ import annotations

import re

from app.store.ids import new_id, read_id


def test_an_id_says_when_its_stream_was_born_and_in_which_shard() -> None:
    for born, shard in ((0, 0), (1_795_000_000, 1), (62**6 - 1, 61)):
        id = new_id(born + 0.9, shard)
        assert re.fullmatch("[A-Za-z0-9]{29}", id)
        assert read_id(id) == (born, shard)


def test_no_two_are_alike_and_later_ones_come_later() -> None:
    ids = [new_id(born, 0) for born in range(1_795_000_000, 1_795_000_200)]
    assert sorted(set(ids)) == ids


def test_other_texts_say_nothing() -> None:
    id = new_id(1, 0)
    for other in ("", id[:-1], id + "0", "0" * 22, f"{id[:-1]}-", f"{id[:-1]}é"):
        assert read_id(other) is None
