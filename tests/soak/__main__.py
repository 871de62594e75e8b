"""`python -m tests.soak MINUTES`: prints a report; exits with 1 where a promise was broken."""

from __future__ import annotations

import sys

import uvloop

from tests.soak.report import markdown, timings, verdicts
from tests.soak.run import soak


def main() -> int:
    found = uvloop.run(soak(float(sys.argv[1]) * 60, lambda line: print(line, file=sys.stderr)))
    print(markdown(found))
    return 0 if all(verdict.held for verdict in verdicts(found) + timings(found)) else 1


sys.exit(main())
