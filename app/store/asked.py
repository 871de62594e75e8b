"""What a stream is asked for, as the store has it, and what can be kept of what was answered."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from pydantic import ValidationError

from app.partial.block import pieces
from app.partial.invalid import Invalid
from app.partial.kept import Kept, of_elements
from app.partial.value import dumps
from app.schemas.entry import SchemaEntry
from app.store import keys
from app.store.record import Claim
from app.streams.log_entry import ElementClosed
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.streams.traces import carried_trace


@dataclass(frozen=True)
class Claimant:
    """Who claims streams. keeps_requests: whether the store is to have what they are asked for"""

    process: str
    keeps_requests: bool

    def claim(self, id: str, request: GenerationRequest, origin: Origin) -> Claim:
        """The claim with which a stream begins."""
        parameters = _parameters(request)
        return Claim(
            process=self.process,
            owner=keys.digest(id, origin.owner),
            schema=request.entry.name,
            version=request.entry.version,
            model=request.model,
            digest=digest_of(request),
            request=parameters if self.keeps_requests else None,
            key=None if origin.key is None else keys.idempotency(origin.owner, origin.key),
            caller=origin.caller,
            request_id=origin.request_id,
            trace=carried_trace(),
            reasoning=origin.reasoning,
        )

    def next_claim(self, claim: Claim, *, released: bool) -> Claim:
        """The claim with which this process takes a stream from another one."""
        takeovers = claim.takeovers + (not released)
        return msgspec.structs.replace(claim, process=self.process, takeovers=takeovers)


def digest_of(request: GenerationRequest) -> str:
    """The same for equal requests."""
    return keys.digest(request.entry.name, request.model, _parameters(request))


def _parameters(request: GenerationRequest) -> str:
    return request.parameters.model_dump_json(round_trip=True, by_alias=False)


def request_of(claim: Claim, entry: SchemaEntry) -> GenerationRequest | None:
    """What a stream was asked for; None if the store doesn't have it, or it fits no more."""
    if claim.request is None or claim.version != entry.version:
        return None
    try:
        parameters = entry.schema.parameters.model_validate_json(
            claim.request, by_name=True, by_alias=False
        )
    except ValidationError:
        return None
    return GenerationRequest(entry, parameters, claim.model)


def stand_in_of(claim: Claim, entry: SchemaEntry) -> GenerationRequest:
    """A request for a stream that is only read here."""
    unknown = entry.schema.parameters.model_construct
    return GenerationRequest(entry, unknown(topic=""), claim.model)


def kept_of(stream: Stream) -> Kept | None:
    """The elements of a list that were complete, for a process that goes on with the stream.

    They are decoded once more. None if that gives something else than what was shown.
    """
    entry, log = stream.request.entry, stream.log
    closed = [e.index for e in log.since(stream.attempt_began) if isinstance(e, ElementClosed)]
    if not entry.is_list or not closed or entry.root_key is None:
        return None
    count = max(closed) + 1
    shown = dumps(pieces(stream.document.value, 0, count))[1:-1]
    decoder = stream.request.decoder()
    try:
        decoder.feed(of_elements([shown], entry.root_key).decode()[:-2] + ",")
        kept = decoder.keep()
    except Invalid:
        return None
    is_same = kept is not None and kept.count == count and kept.json == shown
    return kept if is_same else None
