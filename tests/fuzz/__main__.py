"""Fuzz what reads bytes of models: `python -m tests.fuzz decoder|reader SECONDS`.

`decoder` takes a model's text, `reader` a provider's whole answer. Exits with 1, and the input,
where a promise is broken. What it finds is kept in .fuzz/, and tried first the next time. A failure
belongs into `FOUND` in test_decoder.py or test_reader.py.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import atheris

ROOT = Path(__file__).parents[2]

TARGETS = {"decoder": "app.partial", "reader": "app.providers"}
"""The package in which each looks for code that was not reached yet."""


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2])
    with atheris.instrument_imports(include=[TARGETS[name]]):
        target = import_module(f"tests.fuzz.{name}")
    corpus = ROOT / ".fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for at, seed in enumerate(target.seeds()):
        (corpus / f"seed-{at}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.LONGEST}",
        f"-dict={Path(__file__).with_name('json.dict')}",
        f"-artifact_prefix={corpus}/failed-",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    changes = {"custom_mutator": _mutator(target)} if hasattr(target, "mutated") else {}
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.check, **changes)
    atheris.Fuzz()


def _mutator(target: Any) -> Any:
    """Half of the changes are the target's own, which knows what its input is made of."""

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return bytes(target.mutated(data, random)[:most])

    return mutate


main()
