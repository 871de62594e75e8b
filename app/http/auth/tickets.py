"""Tickets, which browsers use instead of a key, as they can't keep a key secret.

A caller with a key asks for a ticket (`POST /tickets`) and gives it to a page. The ticket is a
signed JWT (RFC 7519). It says for which subject, schemas and origin it is, and how many streams
it may begin in how many minutes. A stream that was begun with it belongs to its subject. Coming
back to that stream does not count as a use of the ticket. It works even after the ticket has
expired, as long as the stream is kept.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from app.errors import Forbidden, Unauthorized

ALGORITHM: Final = "HS256"
TICKET_BYTES = 4096
MAX_MINUTES = 60
LEEWAY_SECONDS = 30
"""The clock of the machine that has made a ticket may be ahead by this much."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}(@[1-9][0-9]{0,8})?$")]


class TicketRequest(BaseModel):
    """The body of `POST /tickets`: what the ticket will allow."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    subject: Annotated[
        str | None,
        Field(
            pattern=r"^[\x21-\x7e]{1,128}$",
            description="Who owns the streams: your own name for a visitor. "
            "If it is not set, each ticket has a subject of its own.",
        ),
    ] = None
    schemas: Annotated[
        list[Name] | None,
        Field(min_length=1, max_length=50, description="The schemas that it allows; unset, all."),
    ] = None
    origin: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/\s]{1,255}$",
            description="The origin of the pages that may use it; unset, any that may call.",
        ),
    ] = None
    streams: Annotated[int, Field(ge=1, le=1000, description="How many streams it may begin.")] = 1
    minutes: Annotated[
        int, Field(ge=1, le=MAX_MINUTES, description="For how many minutes it may begin streams.")
    ] = 5


class Ticket(BaseModel):
    """What a ticket says: the claims of RFC 7519, and who has asked for it, with which key."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    caller: str
    key: Annotated[str, Field(min_length=1)]
    sub: str
    jti: str
    exp: int
    streams: int
    schemas: list[str] | None = None
    origin: str | None = None

    def check(self, schema: str) -> None:
        """Raise `Unauthorized` if it has expired, `Forbidden` if it is for other schemas."""
        if time.time() >= self.exp:
            raise Unauthorized("The ticket has expired.")
        if self.schemas is not None and schema not in self.schemas:
            raise Forbidden("The ticket is not for this schema.")


class Tickets:
    """Signs tickets, and reads them.

    secret: signs the tickets, and must be the same in every process; None makes a new one
    """

    def __init__(self, secret: SecretStr | None) -> None:
        self._secret = secret.get_secret_value() if secret else secrets.token_urlsafe(32)

    def issue(self, caller: str, key: str, wanted: TicketRequest) -> dict[str, Any]:
        """Make a ticket. Returns the response body of `POST /tickets`.

        key: the mark of the key with which the caller asks for it
        """
        jti = secrets.token_urlsafe(16)
        now = int(time.time())
        claims = {
            "caller": caller,
            "key": key,
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
        """Read a ticket, even one that has expired. None if we have not signed it."""
        if len(token) > TICKET_BYTES or not token.isascii():
            return None
        options: Any = {"verify_exp": False, "require": ["exp", "sub", "jti"]}
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options=options, leeway=LEEWAY_SECONDS
            )
            return Ticket.model_validate(claims)
        except (jwt.PyJWTError, ValidationError):
            return None
