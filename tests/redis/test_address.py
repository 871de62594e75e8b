"""The URLs of stores, as the setting has them."""

from __future__ import annotations

import pytest

from app.redis.address import Address, addresses


def test_several_are_separated_by_commas_and_those_of_sentinels_hold_some() -> None:
    found = addresses("redis://a:1/2, rediss://b,redis+sentinel://:pw@c:1,d/main/3,unix:///x,y")
    assert [address.url for address in found] == [
        "redis://a:1/2",
        "rediss://b",
        "redis+sentinel://:pw@c:1,d/main/3",
        "unix:///x,y",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h:6379",
        "http://h",
        "redis://h:port",
        "redis://h,i",
        "redis+sentinel://a:1",
        "redis+sentinel:///main",
        "redis+sentinel://a:1,:2/main",
        "redis+sentinel://a/main/x",
    ],
)
def test_what_is_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Address(url)


async def test_each_waits_for_its_answers_and_tries_nothing_again() -> None:
    for url in ("redis://u:p@h:1/2", "redis+sentinel://u:p@a:1,b/main/2?sentinel_password=s"):
        pool = Address(url).pool(1.5, max_connections=3)
        options = pool.connection_kwargs
        assert (options["username"], options["password"], options["db"]) == ("u", "p", 2)
        assert options["socket_timeout"] == options["socket_connect_timeout"] == 1.5
        assert options["retry"].get_retries() == 0
        assert pool.max_connections == 3


async def test_sentinels_have_an_account_of_their_own() -> None:
    pool = Address("redis+sentinel://u:p@a:1,b/main?sentinel_password=s").pool(1)
    asked = [client.connection_pool.connection_kwargs for client in pool.sentinel_manager.sentinels]
    assert [(its["host"], its["port"], its["password"]) for its in asked] == [
        ("a", 1, "s"),
        ("b", 26379, "s"),
    ]


def test_no_password_is_shown() -> None:
    assert "pw" not in repr(Address("redis://:pw@h"))
