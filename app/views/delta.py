"""The `delta` view: the operations that turn the last state into the next."""

from __future__ import annotations

from collections.abc import Sequence

from app.partial.document import Document
from app.partial.operation import Operation
from app.streams.log import News, Skipped
from app.streams.log_entry import Done, ElementClosed, Failed, Restart, Usage
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import NativeView
from app.views.patch import patch
from app.views.summary import numbered


class DeltaView(NativeView):
    """Makes one `patch` of all operations since the last. A restart undoes those before it."""

    name = "delta"

    def messages(self, stream: Followed, entries: Sequence[News], position: int) -> list[Message]:
        out: list[Message] = []
        operations: list[Operation | Skipped] = []
        for at, entry in numbered(entries, position):
            if isinstance(entry, ElementClosed):
                continue
            if not isinstance(entry, Restart | Usage | Done | Failed):
                operations.append(entry)
                continue
            if not isinstance(entry, Restart):
                out.extend(_patch(operations, stream.document, f"{stream.id}-{at - 1}"))
            operations.clear()
            out.append(self.event(stream, entry, at))
        out.extend(_patch(operations, stream.document, f"{stream.id}-{position}"))
        return out


def _patch(operations: Sequence[Operation | Skipped], document: Document, id: str) -> list[Message]:
    return [Message("patch", patch(operations, document), id)] if operations else []
