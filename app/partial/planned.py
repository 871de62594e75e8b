"""A member whose place has been compiled."""

from __future__ import annotations

from dataclasses import dataclass

from app.partial.close import known_or
from app.partial.layers import ANY, LayeredSchema, Schema, wrap
from app.partial.members import Member
from app.partial.node import Node


@dataclass(frozen=True, slots=True)
class Planned:
    """A member with its node.

    raw: whether its object validates it, with its whole schema
    layers: if not raw, the outermost layers, which its object applies
    own: the schema with which a default is validated
    """

    node: Node
    layered: LayeredSchema
    layers: tuple[Schema, ...] = ()
    own: Schema | None = None
    asks: bool = False
    raw: bool = False

    @property
    def needs_json(self) -> bool:
        """Whether its object must be closed from JSON."""
        return self.raw or self.asks or self.own is not None

    def residual(self, member: Member, *, as_json: bool) -> Schema:
        if self.raw:
            return member.schema
        return wrap(self.layers, known_or(member.name, self.own or ANY) if as_json else ANY)
