"""What the process of the tests holds in its memory.

Tests that ran before may have left something there, or may lose it while another test runs. So a
test looks at what has come since it began, and not at how much there is.
"""

from __future__ import annotations

import gc
from typing import TypeVar

T = TypeVar("T")


def held(kind: type[T]) -> list[T]:
    """The objects of a class that were not freed. Garbage counts, until it is collected."""
    return [it for it in gc.get_objects() if issubclass(type(it), kind)]
