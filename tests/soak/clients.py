"""The clients: each visit is one call or a few, and checks all that it gets.

A visit raises where the service breaks a promise. While a process is killed or replaced, those
that it serves may be cut off, or be asked to come again (`Gone`): a visit that can't come back
ends there. One that can has to get all that it came for.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.soak.fleet import Fleet
from tests.soak.models import MODELS, Model
from tests.support.connection import Connection, Event
from tests.support.events import Message, messages
from tests.support.sockets import reset_when_closed
from tests.views.played import UNKNOWN, applied

RIGHT = ("demo", "demo-invalid")
SCHEMAS = ("ideas", "movies", "recipes", "briefs")
SECONDS = 120
LATE_SECONDS = 2
"""A soak that is late by more than that can't blame the service."""

PATIENCE = 180
"""Seconds that a stream may take with all that befalls it."""

BACK_SECONDS = 0.2
"""The pause before a client comes back."""

Call = tuple[str, str, dict[str, Any], int]
JSON = {"Content-Type": "application/json"}
INVALID: tuple[Call, ...] = (
    ("GET", "/ideas", {}, 422),
    ("GET", "/ideas?topic=tea&count=0", {}, 422),
    ("GET", "/ideas?topic=tea&view=none", {}, 422),
    ("GET", "/ideas?topic=tea&model=none", {}, 422),
    ("GET", "/ideas?topic=tea", {"headers": {"Accept": "image/png"}}, 406),
    ("GET", "/ideas?topic=tea", {"headers": {"X": "x" * 70_000}}, 431),
    ("GET", "/streams/" + "0" * 22, {}, 404),
    ("GET", "/sonnets", {}, 404),
    ("PUT", "/ideas", {}, 405),
    ("POST", "/ideas", {"content": b"{", "headers": JSON}, 400),
    ("POST", "/ideas", {"content": b"[" * 60_000, "headers": JSON}, 400),
    ("POST", "/ideas", {"content": b" " * 70_000, "headers": JSON}, 413),
    ("POST", "/ideas", {"json": {"topic": "tea", "count": "5"}}, 422),
    ("POST", "/ideas", {"content": b"topic=tea"}, 415),
    ("DELETE", "/streams/" + "0" * 22, {}, 404),
)


class Gone(Exception):
    """A client was asked to come again, or its response has ended without an end."""


FAILURES = (AssertionError, AttributeError, httpx.HTTPError, OSError, TimeoutError, Gone)
"""What a visit may raise. An AttributeError is of anyio, where a connection closes at once."""

NAMES = len(", ".join(MODELS))
"""The length of what a client is told that asks for a model that there is not."""

CUT = (Gone, httpx.NetworkError, httpx.ProtocolError, ConnectionError)
"""What befalls a client whose process goes."""


class World:
    """What the clients share.

    client: of the service. fleet: its processes. at_once: streams that a caller may have
    keys: a key for each kind of client. models: those that clients ask for
    visits: how many there were; outcomes: how they ended; broken: promises that were not kept
    cut: visits that a process has taken with it. busy: how often a client was asked to come again
        while no process went
    unjudged: visits during which the soak was late itself, so that they say nothing
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        fleet: Fleet,
        keys: dict[str, str],
        seed: int,
        at_once: int,
        models: Mapping[str, Model],
    ) -> None:
        self.client = client
        self.fleet = fleet
        self.random = Random(seed)
        self.at_once = at_once
        self.models = models
        self.visits: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.broken: list[str] = []
        self.busy = 0
        self.unjudged = 0
        self._late_at = float("-inf")
        self._keys = keys
        self._names = list(models)

    async def mind_itself(self) -> None:
        """Note when this process was late, as any client may then have been."""
        due = self.fleet.now
        while True:
            if self.fleet.now - due > LATE_SECONDS:
                self._late_at = self.fleet.now
            due = self.fleet.now + LATE_SECONDS / 10
            await asyncio.sleep(LATE_SECONDS / 10)

    def was_late(self, since: float) -> bool:
        """Whether this process was late at any time since then."""
        return self._late_at >= since

    def headers(self, visit: Visit) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[visit.__name__]}"}

    def url(self, path: str) -> str:
        """The URL of a path at any of the processes."""
        return self.random.choice(self.fleet.urls) + path

    def query(self, *, faults: bool = True, **more: Any) -> tuple[str, dict[str, Any]]:
        """A path and a query; half of them ask for a model that gives what it should."""
        right = not faults or self.random.random() < 1 / 2
        model = self.random.choice(RIGHT if right else self._names)
        topic = f"tea {self.random.randrange(1000)}"
        schema = self.models[model].schema or self.random.choice(SCHEMAS)
        return f"/{schema}", {"topic": topic, "model": model, **more}


Visit = Callable[[World], Awaitable[None]]


def is_busy(error: BaseException) -> bool:
    """Whether a client was asked to come again, as the service or its store is busy."""
    return isinstance(error, Gone) and str(error) == "overloaded"


def check_end(world: World, model: str, found: list[Message]) -> None:
    """A stream ends as its model does, and its last partial is its value. Raises `Gone`."""
    last = found[-1]
    outcome = "done" if last.event == "done" else last.data["code"]
    if outcome == "draining":
        raise Gone(outcome)
    asked = world.models[model]
    assert outcome == asked.outcome, f"{model} ended in {outcome}"
    partials = [message.data for message in found if message.event is None]
    if outcome == "done" and partials:
        assert partials[-1] == last.data, "the last partial is not the value"
    if asked.value is not None:
        assert last.data == asked.value, f"{model} ended in another value"
    world.outcomes[outcome] += 1


def check_problem(world: World, model: str, answer: httpx.Response) -> None:
    """A call is refused as its model says. Raises `Gone`."""
    require_here(answer)
    code = answer.json()["code"]
    assert answer.headers["content-type"] == "application/problem+json", f"{model}: no problem"
    assert code == world.models[model].outcome, f"{model} was refused with {code}"
    world.outcomes[code] += 1


def require_here(answer: httpx.Response) -> None:
    """Raises `Gone` for an answer, which was read, that asks to come again."""
    if answer.status_code == 503 and (code := answer.json()["code"]) in ("draining", "overloaded"):
        raise Gone(code)


async def fast(world: World) -> None:
    """Reads a stream as fast as it comes, in any native view."""
    view = world.random.choice(["snapshot", "delta", "items"])
    path, query = world.query(interval_ms=world.random.choice([0, 50, 200]))
    query["view"] = "delta" if path == "/briefs" and view == "items" else view
    answer = await world.client.get(world.url(path), params=query, headers=world.headers(fast))
    if answer.status_code == 200:
        check_end(world, query["model"], messages(answer.content))
    else:
        check_problem(world, query["model"], answer)


async def slow(world: World) -> None:
    """Reads a few bytes at a time."""
    path, query = world.query(faults=False, interval_ms=0)
    taken = b""
    headers = world.headers(slow)
    url = world.url(path)
    async with world.client.stream("GET", url, params=query, headers=headers) as answer:
        await require_stream(answer)
        async for piece in answer.aiter_raw(1024):
            taken += piece
            await asyncio.sleep(0.01)
    check_end(world, query["model"], messages(taken))


async def require_stream(answer: httpx.Response) -> None:
    """Raises `Gone` where a process that goes refuses."""
    if answer.status_code != 200:
        await answer.aread()
        require_here(answer)
    assert answer.status_code == 200, (answer.status_code, answer.content)


async def whole(world: World) -> None:
    """Wants the value alone."""
    path, query = world.query()
    headers = {"Accept": "application/json", **world.headers(whole)}
    answer = await world.client.get(world.url(path), params=query, headers=headers)
    if answer.status_code == 200:
        asked = world.models[query["model"]]
        assert asked.outcome == "done", f"{query['model']} is done"
        value = answer.json()
        assert value, f"{query['model']} ended in nothing"
        assert asked.value in (None, value), f"{query['model']} ended in another value"
        world.outcomes["done"] += 1
    else:
        check_problem(world, query["model"], answer)


async def leaving(world: World) -> None:
    """Goes at any moment, in good order or not."""
    path, query = world.query()
    parts = urlsplit(str(httpx.URL(world.url(path), params=query)))
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in world.headers(leaving).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        async with asyncio.timeout(world.random.uniform(0, 0.5)):
            while await reader.read(4096):
                pass
    except TimeoutError:
        pass
    if world.random.random() < 0.5:
        reset_when_closed(writer.get_extra_info("socket"))
        writer.transport.abort()
    writer.close()


@asynccontextmanager
async def connected(
    world: World, visit: Visit, method: str, path: str, *, json: Any = None, **headers: str
) -> AsyncIterator[Connection]:
    """A stream that is read event by event, and cut off at the end. `_` stands for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= world.headers(visit)
    async with world.client.stream(method, world.url(path), json=json, headers=sent) as response:
        await require_stream(response)
        yield Connection(response, SECONDS)


async def returning(world: World) -> None:
    """Is cut off after each few events, and comes back for what it has not had, to its end.

    It comes to another process each time, and also where one is gone.
    """
    path, query = world.query(faults=False, view="delta", resumable="true", interval_ms=50)
    reading = Reading(str(httpx.URL(path, params=query)))
    until = world.fleet.now + PATIENCE
    while reading.end is None:
        assert world.fleet.now < until, reading.tries[-10:]
        began = world.fleet.now
        try:
            await reading.go_on(world)
        except CUT as error:
            if not world.fleet.has_changed(since=began):
                if not is_busy(error):
                    raise
                world.busy += 1
            reading.tries[-1] += f"{type(error).__name__} {error}"
            await asyncio.sleep(BACK_SECONDS)
    assert reading.end.event == "done", reading.end
    assert reading.state == reading.end.data, "the patches do not make the value"
    world.outcomes["done"] += 1


class Reading:
    """What a client that comes back has had: the value so far, and the stream's end.

    tries: what each of its calls has come to
    """

    def __init__(self, path: str) -> None:
        self.state: Any = UNKNOWN
        self.end: Event | None = None
        self.tries: list[str] = []
        self._path = path
        self._last, self._id = -1, ""

    async def go_on(self, world: World) -> None:
        """Read a few events. Raises `Gone`."""
        back = {"Last_Event_ID": self._id} if self._id else {}
        self.tries.append(f"after {self._last}: ")
        async with connected(world, returning, "GET", self._path, **back) as connection:
            for _ in range(world.random.randint(2, 12)):
                if (event := await connection.next()) is None:
                    raise Gone("a response without an end")
                self._take(event)
                if self.end is not None:
                    break

    def _take(self, event: Event) -> None:
        # The start says where it goes on from; all else comes once.
        is_next = (
            event.position >= self._last
            if event.event == "start"
            else (event.position > self._last)
        )
        assert is_next, f"{event.event} at {event.position} after {self._last}"
        self._last, self._id = event.position, str(event.id)
        if event.event == "restart":
            self.state = UNKNOWN
        elif event.event == "patch":
            for operation in event.data:
                self.state = applied(self.state, operation)
        elif event.event in ("done", "error"):
            self.end = event


async def sharing(world: World) -> None:
    """Posts twice with one idempotency key, and cancels what both read, or doesn't."""
    path, query = world.query(faults=False)
    path += f"?model={query['model']}"
    post: dict[str, Any] = {
        "json": {"topic": query["topic"]},
        "Idempotency_Key": f"{world.random.random()}",
    }
    async with (
        connected(world, sharing, "POST", path, **post) as one,
        connected(world, sharing, "POST", path, **post) as other,
    ):
        assert one.stream == other.stream, "one key, two streams"
        cancels = world.random.random() < 0.5
        if cancels:
            gone = world.headers(sharing)
            url = world.url(f"/streams/{one.stream}")
            answer = await world.client.delete(url, headers=gone)
            require_here(answer)
            assert answer.status_code == 204, answer.text
        ends = [await rest(reader) for reader in (one, other)]
    assert ends[0].event == ends[1].event, "two ends of one stream"
    assert ends[0].data == ends[1].data or cancels, "two values of one stream"
    outcome = "done" if ends[0].event == "done" else ends[0].data["code"]
    assert outcome == "done" or (cancels and outcome == "cancelled"), outcome
    world.outcomes[outcome] += 1


async def rest(reader: Connection) -> Event:
    """The end of a stream. Raises `Gone`."""
    last = (await reader.rest() or [None])[-1]
    if last is None or last.event not in ("done", "error"):
        raise Gone("a response without an end")
    return last


async def invalid(world: World) -> None:
    """Sends what is no request."""
    method, path, call, status = world.random.choice(INVALID)
    headers = world.headers(invalid) | call.get("headers", {})
    answer = await world.client.request(method, world.url(path), **{**call, "headers": headers})
    require_here(answer)
    assert answer.status_code == status, (method, path, answer.status_code)
    assert len(answer.content) < 1024 + NAMES
    assert answer.json()["status"] == status


async def greedy(world: World) -> None:
    """Wants more streams at once than a caller may have."""
    path, query = world.query(faults=False)
    headers = world.headers(greedy)
    many = world.at_once + 3
    found = await asyncio.gather(
        *(world.client.get(world.url(path), params=query, headers=headers) for _ in range(many)),
        return_exceptions=True,
    )
    for error in found:
        if isinstance(error, BaseException):
            raise error
    answers = [answer for answer in found if isinstance(answer, httpx.Response)]
    for answer in answers:
        require_here(answer)
    refused = [answer for answer in answers if answer.status_code != 200]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 0
        world.outcomes["rate_limited"] += 1
    for answer in answers:
        if answer.status_code == 200:
            check_end(world, query["model"], messages(answer.content))


KINDS: dict[Visit, int] = {
    fast: 8,
    slow: 3,
    whole: 3,
    leaving: 4,
    returning: 4,
    sharing: 2,
    invalid: 2,
    greedy: 1,
}
"""The clients, and how many there are of each at once."""


async def visiting(world: World, visit: Visit, until: float) -> None:
    """One client: visit after visit, with a pause between them."""
    while (began := world.fleet.now) < until:
        try:
            await visit(world)
        except FAILURES as error:
            if (
                isinstance(error, CUT)
                and visit is not returning
                and world.fleet.has_changed(since=began)
            ):
                world.cut[visit.__name__] += 1
            elif is_busy(error):
                world.busy += 1
            elif world.was_late(since=began):
                world.unjudged += 1
            else:
                words = json.dumps(str(error))[:500]
                world.broken.append(f"{visit.__name__}: {type(error).__name__}: {words}")
        world.visits[visit.__name__] += 1
        await asyncio.sleep(world.random.uniform(0, 0.2))
