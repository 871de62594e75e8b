"""Tickets: what a browser has in place of a key, which it could not keep secret.

A caller with a key gets one (`POST /tickets`) and hands it to a page. It is a signed JWT
(RFC 7519) that says for which subject, schemas, origin, number of streams and minutes it
stands in for the key. What it has begun stays its subject's: to come back costs no use, and
an expired ticket may still do it, for as long as the stream is kept.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from app.errors import Forbidden, Overloaded, Unauthorized

ALGORITHM: Final = "HS256"
TICKET_BYTES = 4096
MINUTES = 60
MOST_USED = 100_000

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class TicketRequest(BaseModel):
    """What a ticket is to be good for: the body of `POST /tickets`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    subject: Annotated[
        str | None,
        Field(
            pattern=r"^[\x21-\x7e]{1,128}$",
            description="Whose the streams are: your own name for a visitor. "
            "Unset, each ticket's are its own.",
        ),
    ] = None
    schemas: Annotated[
        list[Name] | None,
        Field(min_length=1, max_length=50, description="The schemas it may stream; unset, all."),
    ] = None
    origin: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/\s]{1,255}$",
            description="The origin of the pages that may use it; unset, any that may call.",
        ),
    ] = None
    streams: Annotated[int, Field(ge=1, le=1000, description="How many streams it begins.")] = 1
    minutes: Annotated[
        int, Field(ge=1, le=MINUTES, description="How long it may begin streams.")
    ] = 5


class Ticket(BaseModel):
    """What a ticket says. caller: who has asked for it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    caller: str
    sub: str
    jti: str
    exp: int
    streams: int
    schemas: list[str] | None = None
    origin: str | None = None

    def check(self, schema: str) -> None:
        """May it begin a stream of this schema? Raises `Unauthorized`, `Forbidden`."""
        if time.time() >= self.exp:
            raise Unauthorized("The ticket has expired.")
        if self.schemas is not None and schema not in self.schemas:
            raise Forbidden("The ticket is not for this schema.")


class Tickets:
    """Signs tickets, reads them, and counts their uses.

    secret: the same in every worker; None: one of this process's own
    most: tickets whose uses are counted at once; beyond that no other may be used for a while
    """

    def __init__(self, secret: SecretStr | None, most: int = MOST_USED) -> None:
        self._most = most
        self._secret = secret.get_secret_value() if secret else secrets.token_urlsafe(32)
        self._used: dict[int, dict[str, int]] = {}  # by the minute of their expiry

    def issue(self, caller: str, wanted: TicketRequest) -> dict[str, Any]:
        """A new ticket, as `POST /tickets` answers it."""
        jti = secrets.token_urlsafe(16)
        now = int(time.time())
        claims = {
            "caller": caller,
            "sub": wanted.subject or jti,
            "jti": jti,
            "iat": now,
            "exp": now + 60 * wanted.minutes,
            **wanted.model_dump(include={"schemas", "origin", "streams"}, exclude_none=True),
        }
        return {
            "ticket": jwt.encode(claims, self._secret, ALGORITHM),
            "subject": claims["sub"],
            "expires_in": 60 * wanted.minutes,
        }

    def read(self, token: str) -> Ticket | None:
        """What a ticket of ours says, expired or not; None: it is none."""
        if len(token) > TICKET_BYTES or not token.isascii():
            return None
        options: Any = {"verify_exp": False, "require": ["exp", "sub", "jti"]}
        try:
            return Ticket.model_validate(
                jwt.decode(token, self._secret, algorithms=[ALGORITHM], options=options)
            )
        except (jwt.PyJWTError, ValidationError):
            return None

    def use(self, ticket: Ticket) -> None:
        """Count a stream that it begins. Raises `Forbidden` where it has none left."""
        minute = ticket.exp // 60
        self._forget_expired()
        used = self._used.setdefault(minute, {})
        if ticket.jti not in used and sum(map(len, self._used.values())) >= self._most:
            raise Overloaded(retry_after=60)
        if used.get(ticket.jti, 0) >= ticket.streams:
            raise Forbidden("The ticket has no streams left.")
        used[ticket.jti] = used.get(ticket.jti, 0) + 1

    def give_back(self, ticket: Ticket) -> None:
        """The provider has refused the stream: it counts for nothing."""
        used = self._used.get(ticket.exp // 60, {})
        if used.get(ticket.jti):
            used[ticket.jti] -= 1

    def _forget_expired(self) -> None:
        now = int(time.time()) // 60
        for minute in [minute for minute in self._used if minute < now]:
            del self._used[minute]
