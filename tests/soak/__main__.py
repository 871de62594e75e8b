"""`python -m tests.soak MINUTES [PROCESSES]`: prints a report; exits with 1 for a broken promise.

Several processes share a store, and are killed and replaced.
"""

from __future__ import annotations

import sys

import uvloop

from tests.soak.report import markdown, timings, verdicts
from tests.soak.run import soak


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    minutes, *more = map(float, sys.argv[1:])
    processes = int(more[0]) if more else 1
    found = uvloop.run(soak(minutes * 60, _say, processes=processes))
    print(markdown(found))
    return 0 if all(verdict.held for verdict in verdicts(found) + timings(found)) else 1


sys.exit(main())
