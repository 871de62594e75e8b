"""`python -m app try`: runs topics through models, and prints how each model has done.

Each topic is a stream like any other: its request, its attempts, its partials and its end. Only the
socket to a client is missing.

topics ── parameters ──> streams ── messages ──> a reader that counts ── Trial ──> table, JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.http.endpoints.response import body
from app.main import models, open_provider, prices_of, streams_of
from app.providers.model_settings import ModelSettings
from app.schema import Parameters
from app.schemas.entry import SchemaEntry
from app.schemas.registry import load
from app.settings import Settings
from app.streams.log_entry import Failed
from app.streams.registry import Streams
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.telemetry.metrics import Telemetry
from app.views.format import SSE
from app.views.specs import VIEWS, ViewContext

MOST_TOPICS: Final = 1000
PIPE_COLUMNS: Final = 200
INTERVAL_SECONDS: Final = 0.05
"""The pace of the reader, which is a browser's."""


class TopicsError(Exception):
    """The topics can't be run. The message says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one stream has gone.

    code: `done`, or that of the error
    restarts: their codes
    first_content: in seconds
    """

    code: str
    attempts: int
    restarts: tuple[str, ...]
    first_content: float | None
    tokens_per_second: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """How a model has done. The figures of time are medians.

    done: the streams that have ended in a valid value; `valid_at_first` in the first attempt
    restarts, errors: how often, by code
    cost_usd: of all streams; None where a price or a count of tokens is not known
    """

    model: str
    streams: int
    done: int
    valid_at_first: int
    restarts: dict[str, int]
    errors: dict[str, int]
    first_content_ms: int | None
    tokens_per_second: float | None
    cost_usd: float | None


def run(
    settings: Settings,
    schema: str,
    names: Sequence[str],
    topics: Path,
    *,
    at_once: int,
    as_json: bool,
) -> int:
    """Try models with a schema. Gives the exit code: 1 if a model has no stream that is done.

    names: of the models; none takes the schema's default one
    topics: a file with a topic, or a JSON object of parameters, in each line; `-` is stdin
    at_once: streams that run at the same time

    Raises `TopicsError`, `UnknownSchema`, `SchemaError`, `ModelsError`.
    """
    offered = models(settings)
    entry = _without_done(load(*settings.schemas).get(schema))
    wanted = names or [entry.default_model([model.name for model in offered])]
    chosen = [_model(name, offered) for name in wanted]
    asked = read_topics(entry, topics)
    scores = asyncio.run(_scores(settings, entry, chosen, asked, at_once))
    if as_json:
        for score in scores:
            print(json.dumps(asdict(score)))
    else:
        tell(scores, None if sys.stdout.isatty() else PIPE_COLUMNS)
    return 0 if all(score.done for score in scores) else 1


def read_topics(entry: SchemaEntry, topics: Path) -> list[Parameters]:
    """The parameters in a file. Raises `TopicsError`."""
    try:
        text = sys.stdin.read() if str(topics) == "-" else topics.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TopicsError(f"{topics}: {error}") from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not 1 <= len(lines) <= MOST_TOPICS:
        raise TopicsError(f"{topics}: expected 1 to {MOST_TOPICS} topics, a line each")
    return [_parameters(entry, line.strip(), f"{topics}, line {number}") for number, line in lines]


def score(model: str, trials: Sequence[Trial]) -> Score:
    """What trials of a model come to."""
    done = [trial for trial in trials if trial.code == "done"]
    first = [trial.first_content for trial in trials if trial.first_content is not None]
    rates = [each.tokens_per_second for each in trials if each.tokens_per_second is not None]
    costs = [trial.cost_usd for trial in trials if trial.cost_usd is not None]
    return Score(
        model=model,
        streams=len(trials),
        done=len(done),
        valid_at_first=sum(trial.attempts == 1 for trial in done),
        restarts=dict(Counter(code for trial in trials for code in trial.restarts)),
        errors=dict(Counter(trial.code for trial in trials if trial.code != "done")),
        first_content_ms=round(median(first) * 1000) if first else None,
        tokens_per_second=round(median(rates), 1) if rates else None,
        cost_usd=sum(costs) if costs and len(costs) == len(trials) else None,
    )


def _without_done(entry: SchemaEntry) -> SchemaEntry:
    """The schema, but nothing is kept of what is only tried."""
    return SchemaEntry(entry.name, entry.file, replace(entry.schema, done=None))


def _model(name: str, offered: Iterable[ModelSettings]) -> ModelSettings:
    """A model that is tried alone, without others in its place."""
    for model in offered:
        if model.name == name:
            return replace(model, fallbacks=())
    raise TopicsError(f"no model {name}; there are: {', '.join(each.name for each in offered)}")


def _parameters(entry: SchemaEntry, line: str, where: str) -> Parameters:
    given = line if line.startswith("{") else json.dumps({"topic": line})
    try:
        return entry.schema.parameters.model_validate_json(given, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise TopicsError(f"{where}: {place}: {first['msg']}") from None


async def _scores(
    settings: Settings,
    entry: SchemaEntry,
    chosen: Sequence[ModelSettings],
    asked: Sequence[Parameters],
    at_once: int,
) -> list[Score]:
    console = Console(stderr=True)
    async with AsyncExitStack() as stack:
        telemetry = Telemetry()
        streams = streams_of(settings, telemetry, chosen, prices_of(settings, chosen))
        streams.provider = await open_provider(settings, chosen, None, stack)
        stack.push_async_callback(streams.stop)
        bar = stack.enter_context(Progress(console=console, disable=not console.is_terminal))
        scores = []
        for model in chosen:
            task = bar.add_task(model.name, total=len(asked))
            requests = [GenerationRequest(entry, each, model.name) for each in asked]
            on_end = partial(bar.advance, task)
            trials = await _trials(streams, requests, at_once, telemetry, on_end)
            scores.append(score(model.name, trials))
    return scores


async def _trials(
    streams: Streams,
    requests: Iterable[GenerationRequest],
    at_once: int,
    telemetry: Telemetry,
    on_end: Callable[[], None],
) -> list[Trial]:
    """Run some streams at a time. on_end: is called after each."""
    room = asyncio.Semaphore(at_once)

    async def tried(request: GenerationRequest) -> Trial:
        async with room:
            trial = await _try(streams, request, telemetry)
        on_end()
        return trial

    return await asyncio.gather(*map(tried, requests))


async def _try(streams: Streams, request: GenerationRequest, telemetry: Telemetry) -> Trial:
    """Run one stream, and read it as a client does."""
    stream = streams.begin(request, Origin())
    leave = streams.read(stream)
    try:
        view = VIEWS["delta"].make(ViewContext(request.entry, "try", {}, False))
        pace = INTERVAL_SECONDS
        delivery = telemetry.delivery(stream, "delta", interval=pace, received=0.0)
        pieces: Any = body(
            stream, view, SSE, interval=pace, heartbeat=60, position=0, delivery=delivery
        )
        async with aclosing(pieces):
            async for _ in pieces:
                pass
    finally:
        leave()
    return _trial(stream)


def _trial(stream: Stream) -> Trial:
    figures, end = stream.figures, stream.outcome
    first = figures.first_content
    writing = (figures.ended or 0) - first if first is not None else 0
    usage = figures.usage
    return Trial(
        code=end.code if isinstance(end, Failed) else "done",
        attempts=figures.attempts,
        restarts=tuple(figures.restarts),
        first_content=None if first is None else first - figures.started,
        tokens_per_second=usage.output_tokens / writing if usage and writing > 0 else None,
        cost_usd=figures.cost_usd,
    )


def tell(scores: Sequence[Score], width: int | None) -> None:
    """Print the scores as a table, and below it the reasons of restarts and errors.

    width: in columns; None takes the terminal's
    """
    console = Console(highlight=False, markup=False, width=width)
    console.print(_table(scores))
    if reasons := [*_reasons(scores)]:
        console.print("", *reasons, sep="\n")


def _table(scores: Sequence[Score]) -> Table:
    """A line for each model. It fits into a terminal of 80 columns: a model's name may be folded,
    and the heads have two lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("\nmodel", overflow="fold")
    for head in ("valid\nat first", "\ndone"):
        table.add_column(head, no_wrap=True)
    for head in ("\nrestarts", "first\ncontent", "\ntokens/s", "\ncost"):
        table.add_column(head, justify="right", no_wrap=True)
    for each in scores:
        table.add_row(
            each.model,
            _share(each.valid_at_first, each.streams),
            _share(each.done, each.streams),
            str(sum(each.restarts.values())),
            "" if each.first_content_ms is None else f"{each.first_content_ms / 1000:.2f} s",
            "" if each.tokens_per_second is None else f"{each.tokens_per_second:.0f}",
            "" if each.cost_usd is None else f"${each.cost_usd:.4f}",
        )
    return table


def _share(some: int, of: int) -> str:
    return f"{some / of:.0%} ({some}/{of})"


def _reasons(scores: Sequence[Score]) -> Iterator[str]:
    """A line for each model that has restarts, and one if it has errors: by code, how many."""
    for each in scores:
        for what, counts in (("restarts", each.restarts), ("errors", each.errors)):
            if counts:
                codes = ", ".join(f"{code} {count}" for code, count in counts.items())
                yield f"{each.model}: {what} {sum(counts.values())}: {codes}"
