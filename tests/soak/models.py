"""The models that a soak's service offers: the demo's, recorded ones, and those that fall back."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.soak.answers import FIRST_TOKENS, RECORDED, Answer
from tests.support.demo import OUTCOMES, SILENT

DEMO = "demo"
"""The model that is asked in the place of those that fail."""


class Model(NamedTuple):
    """What clients know of a model.

    outcome: how its streams end. value: what they end with, where that is always the same
    schema: the only one that it answers; None: it answers any
    """

    outcome: str
    value: Any = None
    schema: str | None = None


def named(name: str) -> str:
    """The name that clients ask for, which has no blanks and commas."""
    return name.replace(",", "").replace(" ", "-")


_FALLING = {f"falls back from {name}": name for name in ("demo-down", "demo-silent", "demo-stall")}
_FALLING |= {f"falls back from {name}": name for name in ("demo-disconnect", "demo-always-invalid")}
_FIRST = {f"first token: {name}": answer for name, answer in FIRST_TOKENS.items()}

MODELS: dict[str, Model] = {
    **{name: Model(outcome) for name, outcome in OUTCOMES.items()},
    **{named(name): Model(it.outcome, it.value, "ideas") for name, it in RECORDED.items()},
    **{named(name): Model("done") for name in (*_FALLING, *_FIRST)},
}
"""All models, by the name that clients ask for."""

QUICK = {
    name: model
    for name, model in MODELS.items()
    if not any(it in name for it in (*SILENT, "does-not-end"))
}
"""Those whose streams don't wait for a deadline."""


def answers() -> dict[str, Answer]:
    """What the provider of recorded answers is asked for, by the model's name."""
    return {**{name: it.answer for name, it in RECORDED.items()}, **_FIRST}


def models_file(demo: str, recorded: str) -> str:
    """A file of models. demo, recorded: the URLs of the two providers."""
    tables = [_table(name, name, demo) for name in OUTCOMES]
    tables += [
        _table(name, name, recorded, provider=it.api, mode=it.mode) for name, it in RECORDED.items()
    ]
    tables += [_table(name, fails, demo, fallbacks=[DEMO]) for name, fails in _FALLING.items()]
    tables += [_table(name, name, recorded, mode="tools", fallbacks=[DEMO]) for name in _FIRST]
    return "\n".join(tables)


def _table(name: str, model: str, url: str, **more: Any) -> str:
    keys = {"model": model, "base_url": url, **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join([f"[models.{json.dumps(named(name))}]", *lines, ""])
