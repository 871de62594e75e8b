"""What a view reads of the stream that it shows."""

from __future__ import annotations

from typing import Protocol

from app.partial.document import Document


class Followed(Protocol):
    """A stream, with its id, its schema, its model and its newest state.

    model: the one that is asked now
    schema, schema_version: the schema's name, and the version that the stream was begun with
    """

    @property
    def id(self) -> str: ...

    @property
    def schema(self) -> str: ...

    @property
    def schema_version(self) -> str: ...

    @property
    def model(self) -> str: ...

    def model_at(self, position: int) -> str:
        """The one that was asked at a position, where readers may begin."""
        ...

    @property
    def document(self) -> Document: ...
