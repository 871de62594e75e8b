"""Where a store is: the URL of a Redis or a Valkey, or of the Sentinels that know it.

    redis://[[user]:[password]@]host[:port][/database]
    rediss://…                                              over TLS
    unix://[[user]:[password]@]/path/to/socket[?db=database]
    redis+sentinel://[[user]:[password]@]host[:port],host[:port]/service[/database]
    rediss+sentinel://…

Redis's own libraries agree on the first three (`redis.asyncio.ConnectionPool.from_url` has their
options). The form with Sentinels is that of the `limits` library. The user and the password are
those of the server; Sentinels that need their own have `sentinel_username` and
`sentinel_password` in the query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool, Redis

SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")

MOST: Final = 62
"""Stores: an id names one of them by a letter or a digit."""

SENTINEL_PORT: Final = 26379

_between = re.compile(r",\s*(?=[a-z+]+://)")
_name = re.compile(r"[^/,\s]+")


def addresses(text: str) -> tuple[Address, ...]:
    """The addresses of a comma-separated list of URLs, at least one. Raises ValueError."""
    found = tuple(Address(part.strip()) for part in _between.split(text))
    if len(found) > MOST:
        raise ValueError("too many stores")
    return found


@dataclass(frozen=True)
class Address:
    """One URL. Raises ValueError for one that is none of these."""

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(SCHEMES):
            raise ValueError("no such store")
        if self.is_of_sentinels:
            self._sentinel()
        else:
            parts = urlsplit(self.url)
            if parts.scheme != "unix" and ("," in parts.netloc or parts.port == 0):
                raise ValueError("a host and its port are needed")

    @property
    def is_of_sentinels(self) -> bool:
        return "+sentinel://" in self.url

    def client(self, seconds: float, **options: Any) -> Redis:
        """A client with one connection, which waits this long for each answer.

        It tries nothing again: who asks knows better what may be done twice.
        """
        from redis.asyncio import Redis

        client = Redis(connection_pool=self.pool(seconds, max_connections=1, **options))
        client.response_callbacks.clear()  # answers are taken as they are sent
        return client

    def pool(self, seconds: float, **options: Any) -> ConnectionPool:
        """A pool of connections, which wait this long for each answer, and try nothing again."""
        from redis.asyncio import BlockingConnectionPool, ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        waits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        options = {**waits, "retry": Retry(NoBackoff(), 0), "protocol": 2, **options}
        if self.is_of_sentinels:
            options.pop("timeout", None)
            return self._sentinel_pool(waits, options)
        kind = BlockingConnectionPool if "timeout" in options else ConnectionPool
        return kind.from_url(self.url, **options)

    def _sentinel_pool(self, waits: dict[str, Any], options: dict[str, Any]) -> ConnectionPool:
        from redis.asyncio.retry import Retry
        from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
        from redis.backoff import NoBackoff

        hosts, service, own = self._sentinel()
        asking = {**waits, "retry": Retry(NoBackoff(), 0), "protocol": 2}
        for name in ("username", "password"):
            if value := own.pop(f"sentinel_{name}", None):
                asking[name] = value
        if self.url.startswith("rediss"):
            asking["ssl"] = options["ssl"] = True
        sentinel = Sentinel(hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
        return SentinelConnectionPool(  # type: ignore[no-untyped-call]
            service, sentinel, **options, **own
        )

    def _sentinel(self) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
        """The Sentinels, the service's name, and the options of its connections."""
        parts = urlsplit(self.url)
        account, _, hosts = parts.netloc.rpartition("@")
        service, _, database = parts.path.strip("/").partition("/")
        if not hosts or not _name.fullmatch(service):
            raise ValueError("Sentinels and the name of a service are needed")
        options: dict[str, Any] = dict(parse_qsl(parts.query))
        user, _, password = account.partition(":")
        options |= {"username": unquote(user)} if user else {}
        options |= {"password": unquote(password)} if password else {}
        options |= {"db": int(database)} if database else {}
        return list(_hosts(hosts)), service, options


async def disconnect(pool: ConnectionPool) -> None:
    """Close a pool's connections, and those to the Sentinels that it has asked."""
    await pool.disconnect()
    sentinels = getattr(pool, "sentinel_manager", None)
    if sentinels is not None:
        await sentinels.aclose()


def _hosts(text: str) -> Iterator[tuple[str, int]]:
    for part in text.split(","):
        found = urlsplit(f"//{part}")
        if not found.hostname:
            raise ValueError("a Sentinel needs a host")
        yield found.hostname, found.port or SENTINEL_PORT
