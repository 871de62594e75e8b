"""The clients: each visit is one call or a few, and checks all that it gets.

A visit raises where the service breaks a promise.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.connection import Connection
from tests.support.demo import OUTCOMES
from tests.support.events import Message, messages
from tests.support.sockets import reset_when_closed
from tests.views.played import UNKNOWN, applied

RIGHT = ("demo", "demo-invalid")
SCHEMAS = ("ideas", "movies", "recipes", "briefs")
SECONDS = 60

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


class World:
    """What the clients share.

    client: of the service. at_once: streams that a caller may have
    keys: a key for each kind of client. models: that clients ask for
    visits: how many there were; outcomes: how they ended; broken: promises that were not kept
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        keys: dict[str, str],
        seed: int,
        at_once: int,
        models: Sequence[str] = tuple(OUTCOMES),
    ) -> None:
        self.client = client
        self.url = str(client.base_url).rstrip("/")
        self.random = Random(seed)
        self.at_once = at_once
        self.models = models
        self.visits: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.broken: list[str] = []
        self._keys = keys

    def headers(self, visit: Visit) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[visit.__name__]}"}

    def query(self, *, faults: bool = True, **more: Any) -> tuple[str, dict[str, Any]]:
        """A path and a query; two thirds ask for a model that gives what it should."""
        right = not faults or self.random.random() < 2 / 3
        model = self.random.choice(RIGHT if right else self.models)
        topic = f"tea {self.random.randrange(1000)}"
        return f"/{self.random.choice(SCHEMAS)}", {"topic": topic, "model": model, **more}


Visit = Callable[[World], Awaitable[None]]


def check_end(world: World, model: str, found: list[Message]) -> None:
    """A stream ends as its model does, and its last partial is its value."""
    last = found[-1]
    outcome = "done" if last.event == "done" else last.data["code"]
    assert outcome == OUTCOMES[model], f"{model} ended in {outcome}"
    partials = [message.data for message in found if message.event is None]
    if outcome == "done" and partials:
        assert partials[-1] == last.data, "the last partial is not the value"
    world.outcomes[outcome] += 1


def check_problem(world: World, model: str, answer: httpx.Response) -> None:
    code = answer.json()["code"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert code == OUTCOMES[model], f"{model} was refused with {code}"
    world.outcomes[code] += 1


async def fast(world: World) -> None:
    """Reads a stream as fast as it comes, in any native view."""
    view = world.random.choice(["snapshot", "delta", "items"])
    path, query = world.query(interval_ms=world.random.choice([0, 50, 200]))
    query["view"] = "delta" if path == "/briefs" and view == "items" else view
    answer = await world.client.get(path, params=query, headers=world.headers(fast))
    if answer.status_code == 200:
        check_end(world, query["model"], messages(answer.content))
    else:
        check_problem(world, query["model"], answer)


async def slow(world: World) -> None:
    """Reads a few bytes at a time."""
    path, query = world.query(faults=False, interval_ms=0)
    taken = b""
    headers = world.headers(slow)
    async with world.client.stream("GET", path, params=query, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for piece in answer.aiter_raw(1024):
            taken += piece
            await asyncio.sleep(0.01)
    check_end(world, query["model"], messages(taken))


async def whole(world: World) -> None:
    """Wants the value alone."""
    path, query = world.query()
    headers = {"Accept": "application/json", **world.headers(whole)}
    answer = await world.client.get(path, params=query, headers=headers)
    if answer.status_code == 200:
        assert OUTCOMES[query["model"]] == "done"
        assert answer.json()
        world.outcomes["done"] += 1
    else:
        check_problem(world, query["model"], answer)


async def leaving(world: World) -> None:
    """Goes at any moment, in good order or not."""
    path, query = world.query()
    parts = urlsplit(str(httpx.URL(world.url + path, params=query)))
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
    async with world.client.stream(method, path, json=json, headers=sent) as response:
        assert response.status_code == 200, (response.status_code, await response.aread())
        yield Connection(response)


async def returning(world: World) -> None:
    """Is cut off after each few events, and comes back for what it has not had."""
    path, query = world.query(faults=False, view="delta", resumable="true", interval_ms=50)
    path = str(httpx.URL(path, params=query))
    state: Any = UNKNOWN
    last, id, outcome = -1, "", None
    while outcome is None:
        back = {"Last_Event_ID": id} if id else {}
        async with connected(world, returning, "GET", path, **back) as connection:
            for _ in range(world.random.randint(2, 12)):
                event = await connection.next()
                assert event is not None, "a stream ended without an end"
                # The start says where it goes on from; all else comes once.
                assert event.position >= last if event.event == "start" else event.position > last
                last, id = event.position, str(event.id)
                if event.event == "restart":
                    state = UNKNOWN
                elif event.event == "patch":
                    for operation in event.data:
                        state = applied(state, operation)
                elif event.event in ("done", "error"):
                    outcome = event
                    break
    assert outcome.event == "done", outcome
    assert state == outcome.data, "the patches do not make the value"
    world.outcomes["done"] += 1


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
            answer = await world.client.delete(f"/streams/{one.stream}", headers=gone)
            assert answer.status_code == 204, answer.text
        ends = [(await reader.rest())[-1] for reader in (one, other)]
    assert ends[0].event == ends[1].event, "two ends of one stream"
    assert ends[0].data == ends[1].data or cancels, "two values of one stream"
    outcome = "done" if ends[0].event == "done" else ends[0].data["code"]
    assert outcome == "done" or (cancels and outcome == "cancelled"), outcome
    world.outcomes[outcome] += 1


async def invalid(world: World) -> None:
    """Sends what is no request."""
    method, path, call, status = world.random.choice(INVALID)
    headers = world.headers(invalid) | call.get("headers", {})
    answer = await world.client.request(method, path, **{**call, "headers": headers})
    assert answer.status_code == status, (method, path, answer.status_code)
    assert len(answer.content) < 1024
    assert answer.json()["status"] == status


async def greedy(world: World) -> None:
    """Wants more streams at once than a caller may have."""
    path, query = world.query(faults=False)
    headers = world.headers(greedy)
    many = world.at_once + 3
    get = world.client.get
    answers = await asyncio.gather(*(get(path, params=query, headers=headers) for _ in range(many)))
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
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        try:
            await visit(world)
        except (AssertionError, httpx.HTTPError, OSError, TimeoutError) as error:
            words = json.dumps(str(error))[:500]
            world.broken.append(f"{visit.__name__}: {type(error).__name__}: {words}")
        world.visits[visit.__name__] += 1
        await asyncio.sleep(world.random.uniform(0, 0.2))
