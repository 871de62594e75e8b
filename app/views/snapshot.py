"""The `snapshot` view: the whole partial value, each time."""

from __future__ import annotations

from collections.abc import Sequence

from app.streams.log import News
from app.streams.log_entry import Done, ElementClosed, Failed, Restart, Usage
from app.views.followed import Followed
from app.views.message import Message
from app.views.native import NativeView
from app.views.summary import numbered


class SnapshotView(NativeView):
    """Makes one partial of all operations since the last. A restart undoes those before it."""

    name = "snapshot"

    def messages(self, stream: Followed, entries: Sequence[News], position: int) -> list[Message]:
        out: list[Message] = []
        changed = False
        state: bytes | None = None
        for at, entry in numbered(entries, position):
            if isinstance(entry, ElementClosed):
                continue
            if not isinstance(entry, Restart | Usage | Done | Failed):
                changed = True
                continue
            if changed and not isinstance(entry, Restart):
                state = stream.document.encode()
                out.append(Message(None, state))
            changed = False
            out.append(self.event(stream, entry, at, state))
        if changed:
            out.append(Message(None, stream.document.encode()))
        return out
