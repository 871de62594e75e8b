"""The fewest operations that do what many do: what a slow reader is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.partial.operation import Add, Append, Operation, Path, Replace
from app.partial.value import copy


def merge(operations: Iterable[Operation]) -> list[Operation]:
    """Operations with the same effect, in order: at most one for each place.

    What is done to a place that was added or replaced before is done to that operation's
    value. The operations given stay as they are.
    """
    operations = list(operations)
    if len(operations) == 1:
        return operations
    merged = _Merged()
    for operation in operations:
        merged.add(operation)
    return [part.operation() for part in merged.parts.values()]


class _Part:
    """One operation in the making."""

    __slots__ = ("kind", "own", "path", "value")

    def __init__(self, operation: Operation) -> None:
        self.kind: type[Operation] = type(operation)
        self.path = operation.path
        self.value: Any = operation.value
        self.own = False  # whether `value` may be changed

    def operation(self) -> Operation:
        return self.kind(self.path, self.value)

    def take(self, operation: Operation) -> None:
        """Another operation at the same path."""
        if isinstance(operation, Append):
            self.value += operation.value
            return
        self.value, self.own = operation.value, False
        if self.kind is Append:
            self.kind = Replace

    def take_inside(self, operation: Operation) -> None:
        """An operation at a place inside the value."""
        if not self.own:
            self.value, self.own = copy(self.value), True
        *way, last = operation.path[len(self.path) :]
        container = self.value
        for step in way:
            container = container[step]
        if isinstance(operation, Append):
            container[last] += operation.value
        elif isinstance(operation, Add) and isinstance(container, list):
            container.append(copy(operation.value))
        else:
            container[last] = copy(operation.value)


class _Merged:
    def __init__(self) -> None:
        self.parts: dict[Path, _Part] = {}
        self._around: set[Path] = set()  # the containers that hold them

    def add(self, operation: Operation) -> None:
        path = operation.path
        if path in self._around and isinstance(operation, Replace):
            self._forget_inside(path)
        if known := self.parts.get(path):
            known.take(operation)
            return
        for length in range(len(path) - 1, -1, -1):
            if known := self.parts.get(path[:length]):
                known.take_inside(operation)
                return
        self.parts[path] = _Part(operation)
        self._around.update(path[:length] for length in range(len(path)))

    def _forget_inside(self, path: Path) -> None:
        """Drop what was done inside a place that is replaced as a whole."""
        inside = [p for p in self.parts if len(p) > len(path) and p[: len(path)] == path]
        for gone in inside:
            del self.parts[gone]
