"""Merges operations, so that a slow reader gets few operations with the same effect.

The places of the operations form a tree. If a place was added or replaced before, an operation
inside it changes the value of that earlier operation. An operation that replaces a container
removes the operations inside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.partial.block import member
from app.partial.document import change
from app.partial.growing import Growing, grown
from app.partial.operation import Append, Operation, Path, Replace
from app.partial.value import copy


def merge(operations: Iterable[Operation]) -> list[Operation]:
    """Operations with the same effect, in order: at most one for each place.

    If a place was added or replaced before, a later change of it changes the value of that
    operation. The given operations are not changed.
    """
    operations = list(operations)
    if len(operations) == 1:
        return operations
    merged = _Merged()
    for operation in operations:
        merged.add(operation)
    return [place.operation() for place in merged.changed.values()]


class _Place:
    """A place in the value, with the operation on it (`kind` is None if there is none)."""

    __slots__ = ("inside", "kind", "own", "path", "value")

    def __init__(self) -> None:
        self.kind: type[Operation] | None = None
        self.path: Path = ()
        self.value: Any = None
        self.own = False  # whether `value` is a copy, which may be changed
        self.inside: dict[str | int, _Place] = {}

    def operation(self) -> Operation:
        assert self.kind is not None
        value = str(self.value) if isinstance(self.value, Growing) else self.value
        return self.kind(self.path, value)

    def take(self, operation: Operation) -> None:
        """Merge an operation at this place."""
        if self.kind is None:
            self.kind, self.path, self.value = type(operation), operation.path, operation.value
        elif isinstance(operation, Append):
            self.value = grown(self.value, operation.value)
        else:
            self.value, self.own = operation.value, False
            if self.kind is Append:
                self.kind = Replace

    def container(self, way: Path) -> Any:
        """The container at a path inside the value. It is a copy, which may be changed."""
        if not self.own:
            self.value, self.own = copy(self.value), True
        found = self.value
        for step in way:
            found = member(found, step)
        return found


class _Merged:
    def __init__(self) -> None:
        self._root = _Place()
        self._way: Path | None = None  # the path of the last operation's container
        self._holder: Any = None  # that container inside a value; None: `_near` is its place
        self._near = self._root
        self.changed: dict[Path, _Place] = {}  # the places that have an operation

    def add(self, operation: Operation) -> None:
        path = operation.path
        if not path:
            self._way = None
            self._do(self._root, operation)
            return
        if path[:-1] != self._way:
            self._go(path[:-1])
        if self._holder is not None:
            change(self._holder, path[-1], operation, copy(operation.value))
            return
        place = self._near.inside.get(path[-1])
        if place is None:
            place = self._near.inside[path[-1]] = _Place()
        self._do(place, operation)

    def _go(self, way: Path) -> None:
        """Go to the container at the path `way`."""
        self._way, self._holder = way, None
        place = self._root
        for depth, step in enumerate(way):
            if place.kind is not None:
                self._holder = place.container(way[depth:])
                return
            inside = place.inside.get(step)
            if inside is None:
                inside = place.inside[step] = _Place()
            place = inside
        if place.kind is not None:
            self._holder = place.container(())
        self._near = place

    def _do(self, place: _Place, operation: Operation) -> None:
        if isinstance(operation, Replace) and place.inside:
            self._forget(place)
        place.take(operation)
        self.changed[operation.path] = place

    def _forget(self, place: _Place) -> None:
        """Drop the operations inside a place that is replaced."""
        for inside in place.inside.values():
            if inside.kind is not None:
                del self.changed[inside.path]
            self._forget(inside)
        place.inside = {}
