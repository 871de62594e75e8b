"""The `delta` view: the operations that turn the last state into the next."""

from __future__ import annotations

from app.partial.operation import Operation
from app.streams.log import Skipped
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import Changes, NativeView
from app.views.patch import patch


class DeltaView(NativeView):
    """Makes one `patch` of all operations since the last."""

    name = "delta"

    def shown(self, stream: Followed, changes: Changes, position: int) -> list[Message]:
        operations = [entry for _, entry in changes if isinstance(entry, Operation | Skipped)]
        if not operations:
            return []
        return [Message("patch", patch(operations, stream.document), f"{stream.id}-{position}")]
