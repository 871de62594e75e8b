"""The `snapshot` view: the whole partial value, each time."""

from __future__ import annotations

from app.streams.log_entry import ElementClosed
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import Changes, NativeView


class SnapshotView(NativeView):
    """Makes one partial of all operations since the last."""

    name = "snapshot"

    def shown(self, stream: Followed, changes: Changes, position: int) -> list[Message]:
        if all(isinstance(entry, ElementClosed) for _, entry in changes):
            return []
        return [Message(None, stream.document.encode())]
