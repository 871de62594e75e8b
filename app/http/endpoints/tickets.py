"""`POST /tickets`: where callers with a key get tickets for browsers."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.errors import Forbidden, InvalidRequest
from app.http.auth.authenticator import caller
from app.http.auth.tickets import TicketRequest, Tickets
from app.http.endpoints.body import read_object
from app.http.endpoints.options import invalid, read_query, refuse_unknown
from app.partial.value import dumps
from app.schemas.registry import Registry


class TicketEndpoint:
    """The endpoint of tickets."""

    def __init__(self, tickets: Tickets, registry: Registry, max_body_bytes: int) -> None:
        self._tickets = tickets
        self._registry = registry
        self._max_body_bytes = max_body_bytes

    async def issue(self, request: Request) -> Response:
        """Give the caller a ticket. Raises `Forbidden`, `InvalidRequest`."""
        who = caller(request.scope)
        if who.ticket is not None:
            raise Forbidden("A ticket can only be got with a key, not with another ticket.")
        if not who.name:
            raise Forbidden("The service is open: it has no keys, and no tickets.")
        refuse_unknown(read_query(request.scope["query_string"]), known=())
        body, _ = await read_object(request, self._max_body_bytes)
        wanted = self._wanted(body)
        headers = {"Cache-Control": "no-store"}
        issued = dumps(self._tickets.issue(who.name, who.key, wanted))
        return Response(issued, 200, headers, "application/json")

    def _wanted(self, body: object) -> TicketRequest:
        try:
            wanted = TicketRequest.model_validate(body)
        except ValidationError as error:
            raise invalid(
                "The ticket is not valid.", error, set(TicketRequest.model_fields)
            ) from None
        unknown = set(wanted.schemas or ()) - set(self._registry.names)
        if unknown:
            known = ", ".join(self._registry.names)
            raise InvalidRequest(
                "There is no such schema.",
                errors=[{"path": "/schemas", "message": f"must be of {known}"}],
            )
        return wanted
