"""The fewest operations that do what many do: what a slow reader is sent.

The places of the operations so far are a tree. An operation inside a place that was added or
replaced is done to that operation's value; one at a container takes away what was done inside.
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

    What is done to a place that was added or replaced before is done to that operation's
    value. The operations given stay as they are.
    """
    operations = list(operations)
    if len(operations) == 1:
        return operations
    merged = _Merged()
    for operation in operations:
        merged.add(operation)
    return [place.operation() for place in merged.changed.values()]


class _Place:
    """A place in the value: what is done to all of it (`kind`, None: nothing), or inside."""

    __slots__ = ("inside", "kind", "own", "path", "value")

    def __init__(self) -> None:
        self.kind: type[Operation] | None = None
        self.path: Path = ()
        self.value: Any = None
        self.own = False  # whether `value` may be changed
        self.inside: dict[str | int, _Place] = {}

    def operation(self) -> Operation:
        assert self.kind is not None
        value = str(self.value) if isinstance(self.value, Growing) else self.value
        return self.kind(self.path, value)

    def take(self, operation: Operation) -> None:
        """An operation at this place."""
        if self.kind is None:
            self.kind, self.path, self.value = type(operation), operation.path, operation.value
        elif isinstance(operation, Append):
            self.value = grown(self.value, operation.value)
        else:
            self.value, self.own = operation.value, False
            if self.kind is Append:
                self.kind = Replace

    def container(self, way: Path) -> Any:
        """The container at a path inside the value, which may be changed."""
        if not self.own:
            self.value, self.own = copy(self.value), True
        found = self.value
        for step in way:
            found = member(found, step)
        return found


class _Merged:
    def __init__(self) -> None:
        self._root = _Place()
        self._way: Path | None = None  # to what holds the last operation's place
        self._holder: Any = None  # which is a container in some value; None: `_near` is its place
        self._near = self._root
        self.changed: dict[Path, _Place] = {}  # where something is done to all of it

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
        """To the container at `way`."""
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
        """Drop what was done inside a place that is replaced as a whole."""
        for inside in place.inside.values():
            if inside.kind is not None:
                del self.changed[inside.path]
            self._forget(inside)
        place.inside = {}
