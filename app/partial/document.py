"""The state that operations make, and its JSON bytes.

Writing the whole value for each message costs as much as the value is long. Here what is
finished is written once: along the path that is being written (the *spine*), each level
keeps the bytes before and after its open member, and only that member is written again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.partial.operation import Add, Append, Operation, Path
from app.partial.value import copy, dumps


class Document:
    """A value in the making. `known` is False until its first operation."""

    def __init__(self) -> None:
        self.value: Any = None
        self.known = False
        self._tip: Path = ()  # where the last operation was
        self._spine: list[_Level] = []

    def apply(self, operations: Iterable[Operation]) -> None:
        """Apply operations in order. They stay the caller's: what they hold is copied."""
        for operation in operations:
            self._tip = operation.path
            value = copy(operation.value)
            if operation.path:
                self._change(operation, value)
            else:
                self.value = self.value + value if isinstance(operation, Append) else value
                self.known = True

    def _change(self, operation: Operation, value: Any) -> None:
        *way, last = operation.path
        container = self.value
        for step in way:
            container = container[step]
        if isinstance(operation, Append):
            container[last] += value
        elif isinstance(operation, Add) and isinstance(container, list):
            container.append(value)
        else:
            container[last] = value

    def adopt(self, value: Any, tip: Path) -> None:
        """Take over the state of a decoder, which has applied its operations itself.

        `tip`: the path of the last of them.
        """
        self.value, self.known, self._tip = value, True, tip

    def clear(self) -> None:
        """Forget everything: another attempt begins."""
        self.__init__()  # type: ignore[misc]

    def encode(self) -> bytes:
        """The value as compact JSON, one line of UTF-8."""
        levels = self._levels()
        end = dumps(self._open_member(levels))
        if not levels:
            return end
        return b"".join([*(level.before for level in levels), end, *_after(levels)])

    def _open_member(self, levels: list[_Level]) -> Any:
        return levels[-1].member if levels else self.value

    def _levels(self) -> list[_Level]:
        """The spine as of now: levels are kept while they are of the same open member."""
        container = self.value
        spine: list[_Level] = []
        for depth, step in enumerate(self._tip):
            known = self._spine[depth] if depth < len(self._spine) else None
            if not isinstance(container, dict | list) or not container:
                break
            level: _Level
            if isinstance(container, list):
                level = _ListLevel(container)
                if isinstance(known, _ListLevel) and known.container is container:
                    level = known
                level.update()
            elif isinstance(known, _ObjectLevel) and known.is_of(container, step):
                level = known
            elif step in container:
                level = _ObjectLevel(container, step)
            else:
                break
            if level is not known:
                del self._spine[depth:]
            spine.append(level)
            container = level.member
        self._spine = spine
        return spine


def _after(levels: list[_Level]) -> list[bytes]:
    return [level.after for level in reversed(levels)]


class _ListLevel:
    """An open list: its elements but for the last don't change any more."""

    after = b"]"

    def __init__(self, container: list[Any]) -> None:
        self.container = container
        self.before = bytearray(b"[")
        self._written = 0

    @property
    def member(self) -> Any:
        return self.container[-1]

    def update(self) -> None:
        finished = len(self.container) - 1
        if finished > self._written:
            self.before += dumps(self.container[self._written : finished])[1:-1] + b","
            self._written = finished


class _ObjectLevel:
    """An open object: its members but for the one being written don't change meanwhile."""

    def __init__(self, container: dict[str, Any], key: Any) -> None:
        self.container = container
        self.key = key
        keys = list(container)
        at = keys.index(key)
        before = dumps({name: container[name] for name in keys[:at]})[:-1]
        after = dumps({name: container[name] for name in keys[at + 1 :]})[1:]
        self.before = before + (b"," if at else b"") + dumps(key) + b":"
        self.after = (b"," if after != b"}" else b"") + after

    @property
    def member(self) -> Any:
        return self.container[self.key]

    def is_of(self, container: object, key: object) -> bool:
        return self.container is container and self.key == key


_Level = _ListLevel | _ObjectLevel
