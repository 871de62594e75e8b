"""Checks who calls and from where, before the body is read.

An app in which the service runs may know its callers in a way of its own (`Authenticate`), which
then takes the place of keys and tickets. Otherwise:

A caller sends a key or a ticket. The first of these counts: `Authorization: Bearer` (a key or a
ticket), `X-API-Key` (a key), `ticket` in the query (a ticket). The last is for `EventSource`,
which can't send headers. A key in a URL is ignored, since histories and logs keep URLs.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Scope

from app.errors import Forbidden, Internal, RateLimited, ServiceError, Unauthorized
from app.http.auth.keys import Keys, mark_of
from app.http.auth.origins import Origins, is_own
from app.http.auth.tickets import Ticket, Tickets
from app.http.endpoints.options import ticket_in
from app.settings import Settings

Authenticate = Callable[[Request], str | Awaitable[str | None] | None]
"""Gives the name of a caller, or None to refuse it. It may be a coroutine function, and may raise
Starlette's or FastAPI's `HTTPException` of status 401, 403 or 429 to refuse it otherwise.
"""

AUTHENTICATE_SECONDS: Final = 10
"""How long a coroutine may take to know a caller."""

LONGEST_NAME: Final = 200

_REFUSALS: Final[dict[int, Callable[[], ServiceError]]] = {
    401: lambda: Unauthorized("The caller is not known."),
    403: Forbidden,
    429: lambda: RateLimited(retry_after=1),
}


class Caller(NamedTuple):
    """Who calls.

    name: the name of its key, or what `Authenticate` gives; "" if neither is configured
    ticket: the ticket that it has sent, or None
    key: the mark of the key that it has sent, or ""
    """

    name: str = ""
    ticket: Ticket | None = None
    key: str = ""

    @property
    def owner(self) -> str:
        """The owner of the streams that it begins. No key's name has a slash."""
        return f"{self.name}/{self.ticket.sub}" if self.ticket else self.name


def caller(scope: Scope) -> Caller:
    """The caller of a request that the `Authenticator` has let pass."""
    found: Caller = scope.get("caller", Caller())
    return found


class Authenticator:
    """Lets requests pass or refuses them. Without keys, all callers are one.

    authenticate: knows the callers in place of keys and tickets
    """

    def __init__(self, settings: Settings, authenticate: Authenticate | None = None) -> None:
        self.tickets = Tickets(settings.ticket_secret)
        self.keys = Keys(settings.api_keys, settings.api_keys_file)
        self._authenticate = authenticate
        self._open = settings.open and authenticate is None
        self.origins = Origins(settings, is_open=self._open)

    async def enter(self, request: Request) -> None:
        """Let a request pass, and write its caller and owner into its scope.

        Raises `Forbidden`, `Unauthorized`, `InvalidRequest` for a query that can't be read, and
        whatever else an `Authenticate` raises.
        """
        headers = request.headers
        self.origins.check(headers, request.scope)
        if self._open:
            return
        if self._authenticate is None:
            found = self._caller(headers, request.scope["query_string"])
        else:
            found = Caller(await _name(self._authenticate, request))
        request.scope["caller"] = found
        request.scope["owner"] = found.owner

    def _caller(self, headers: Headers, query: bytes) -> Caller:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            found = self._of_key(token.strip()) or self._of_ticket(token.strip(), headers)
        elif key := headers.get("x-api-key"):
            found = self._of_key(key)
        else:
            given = ticket_in(query)
            found = self._of_ticket(given, headers) if given else None
        if found is None:
            raise Unauthorized
        return found

    def _of_key(self, key: str) -> Caller | None:
        name = self.keys.caller(key)
        return None if name is None else Caller(name, key=mark_of(key))

    def _of_ticket(self, token: str, headers: Headers) -> Caller | None:
        """A ticket is good as long as the key with which it was got: a key may have leaked."""
        ticket = self.tickets.read(token)
        if ticket is None or not self.keys.has(ticket.caller, ticket.key):
            return None
        if ticket.origin is not None and not _comes_from(ticket.origin, headers):
            raise Forbidden("The ticket is not for pages of this origin.")
        return Caller(ticket.caller, ticket)


async def _name(authenticate: Authenticate, request: Request) -> str:
    """The name that this gives. Raises `Unauthorized`, `Forbidden`, `RateLimited`, `Internal`."""
    try:
        name: Any = authenticate(request)
        if inspect.isawaitable(name):
            async with asyncio.timeout(AUTHENTICATE_SECONDS):
                name = await name
    except HTTPException as error:
        raise _REFUSALS.get(error.status_code, Internal)() from error
    if name is None:
        raise _REFUSALS[401]()
    if not (isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise TypeError("authenticate gave no name of 1 to 200 printable characters")
    return name


def _comes_from(origin: str, headers: Headers) -> bool:
    """Whether the call comes from a page of this origin.

    Without an `Origin` header, the page counts as one of this host, because browsers omit the
    header in a `GET` to the page's own host.
    """
    given = headers.get("origin")
    return is_own(origin, headers.get("host", "")) if given is None else given == origin
