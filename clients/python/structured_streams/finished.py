"""What of a value is finished, and what is being written. Places are named by JSON Pointers."""

from __future__ import annotations

from typing import Any

from structured_streams.patch import Path, is_known, steps


def writing(value: Any, open: Path | None) -> str | None:
    """The JSON Pointer of the string that is being written; None if there is none."""
    for key in open or ():
        value = value[key]
    is_text = open is not None and isinstance(value, str)
    return "".join(map(_escaped, open or ())) if is_text else None


def _escaped(step: str | int) -> str:
    return "/" + str(step).replace("~", "~0").replace("/", "~1")


def is_complete(value: Any, open: Path | None, pointer: str) -> bool:
    """Whether the value at a JSON Pointer is finished: nothing in it will change.

    A model writes one value after the other. So what has content, and is not on the way to what
    is being written, is finished, with all that is in it. What is None or empty may still begin,
    unless something around it is finished.
    """
    is_finished = open is None and value is not None
    is_on_the_way = True
    for at, step in enumerate(steps(pointer)):
        is_element = isinstance(value, list)
        found, value = _member(value, step)
        if not found:
            return False
        is_way = open is not None and at < len(open) and str(open[at]) == step
        is_on_the_way = is_on_the_way and is_way
        is_finished = is_finished or (not is_on_the_way and (is_element or is_known(value)))
    return is_finished


def _member(value: Any, step: str) -> tuple[bool, Any]:
    """Whether a value has this member, and the member."""
    if isinstance(value, dict):
        return step in value, value.get(step)
    if not isinstance(value, list) or not step.isdecimal() or str(int(step)) != step:
        return False, None
    at = int(step)
    return (True, value[at]) if at < len(value) else (False, None)
