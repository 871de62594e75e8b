"""Keys and tickets: how a caller sends them, and how a browser gets a ticket."""

from __future__ import annotations

from typing import Final

from app.errors import (
    Forbidden,
    Internal,
    InvalidRequest,
    PayloadTooLarge,
    Unauthorized,
    UnsupportedMediaType,
)
from app.http.auth.tickets import MAX_MINUTES, TicketRequest
from app.http.openapi import errors
from app.http.openapi.components import Components, Json, record

SCHEMES: Final[Json] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a ticket."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "A ticket."},
}
_TICKETS: Final = "/tickets"
_NO_KEY: Final = ("/schemas", "/schemas/{name}", "/healthz", "/readyz", "/metrics")

_WORDS: Final = """\
A browser can't keep a key secret, so its page gets a ticket. The ticket replaces the key of the \
caller who has asked for it, for a limited time and with the limits that it states. Streams that \
are begun with it belong to its subject. Coming back to a stream does not count as a use, and \
works with an expired ticket, too.
"""


def lock(paths: Json, components: Components) -> None:
    """Say in each operation whether it needs a key, and whether it accepts a ticket."""
    components.sections["securitySchemes"] = SCHEMES
    for path, operations in paths.items():
        if path not in _NO_KEY:
            schemes = [name for name in SCHEMES if path != _TICKETS or name != "ticket"]
            for operation in operations.values():
                operation["security"] = [{name: []} for name in schemes]


def post_tickets(components: Components) -> Json:
    """The operation that gives tickets."""
    wanted = components.schema("TicketRequest", TicketRequest.model_json_schema())
    ticket: Json = {
        "ticket": {"type": "string", "description": "A signed JWT. Treat it as an opaque string."},
        "subject": {"type": "string", "description": "Whose the streams are."},
        "expires_in": {"type": "integer", "minimum": 60, "maximum": 60 * MAX_MINUTES},
    }
    given = {
        "description": "The ticket.",
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}},
        "content": {
            "application/json": {"schema": components.schema("Ticket", record(ticket))},
        },
    }
    broken = InvalidRequest("The body is not valid JSON.", status=400)
    invalid = InvalidRequest(errors=[{"path": "/minutes", "message": "must be at most 60"}])
    refused = [broken, Unauthorized(), Forbidden(), PayloadTooLarge(), UnsupportedMediaType()]
    example = {"schemas": ["ideas"], "origin": "https://app.example", "streams": 3, "minutes": 10}
    return {
        "operationId": "post_tickets",
        "tags": ["service"],
        "summary": "Get a ticket for a browser",
        "description": _WORDS,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": wanted, "example": example}},
        },
        "responses": {"200": given} | errors.responses([*refused, invalid, Internal()], components),
    }
