"""How a property test searches: so many examples, the same each time, however slow the machine.

`EXAMPLES=20 pytest …` tries 20 times as many, and others each time. `make chaos` does so.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

TIMES: Final = int(os.environ.get("EXAMPLES", "1"))


def searched(examples: int) -> settings:
    """The settings of a property test that tries `examples` examples, or `TIMES` as many."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=TIMES == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
