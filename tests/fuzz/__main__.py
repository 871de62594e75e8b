"""Fuzz the decoder: `python -m tests.fuzz SECONDS`. Exits with 1, and the input, where it fails.

What it finds is kept in .fuzz/, and tried first the next time. A failure belongs into `FOUND`
in test_decoder.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.partial"]):
    from tests.fuzz.decoder import LONGEST, check, seeds

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".fuzz"


def main() -> None:
    seconds = int(sys.argv[1])
    CORPUS.mkdir(exist_ok=True)
    for at, seed in enumerate(seeds()):
        (CORPUS / f"seed-{at}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-dict={Path(__file__).with_name('json.dict')}",
        f"-artifact_prefix={CORPUS}/failed-",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(CORPUS)], check)
    atheris.Fuzz()


main()
