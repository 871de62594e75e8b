"""`POST /tickets`: where callers with a key get tickets for browsers."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.errors import Forbidden, InvalidRequest
from app.http.auth.authenticator import Authenticator, caller
from app.http.auth.tickets import TicketRequest
from app.http.endpoints.body import read_object
from app.http.endpoints.options import invalid, read_query, refuse_unknown
from app.partial.value import dumps
from app.schemas.registry import Registry
from app.settings import Settings


class TicketEndpoint:
    """The endpoint of tickets."""

    def __init__(self, gate: Authenticator, registry: Registry, settings: Settings) -> None:
        self._gate = gate
        self._registry = registry
        self._settings = settings

    async def issue(self, request: Request) -> Response:
        """Give the caller a ticket. Raises `Forbidden`, `InvalidRequest`."""
        who = caller(request.scope)
        if who.ticket is not None:
            raise Forbidden("A ticket is given for a key, not for another ticket.")
        if not who.name:
            raise Forbidden("The service is open: it has no keys, and no tickets.")
        refuse_unknown(read_query(request.scope["query_string"]), known=())
        wanted = self._wanted(await read_object(request, self._settings.max_body_bytes))
        headers = {"Cache-Control": "no-store"}
        issued = dumps(self._gate.tickets.issue(who.name, wanted))
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
