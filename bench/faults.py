"""What a failing provider does to its own stream, and to the other streams.

    python -m bench.faults [seconds]

A service in its own process runs 20 streams of 50 chunks a second, the witnesses. At the same
time, five streams a second have a fault. This takes some seconds (2) for each fault, in five
rounds. Between the faults, as many streams without a fault run for comparison. The command prints
for each fault how its streams ended, and the longest time from such an end until the provider's
connection was closed. It also prints the 99th percentile of a chunk's time through the service
for the witnesses, with the fault and without, over all rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvloop

from tests.support.faults import FAULTS, Answer, Fault
from tests.support.process import process
from tests.support.upstream import HEAD, Exchange, delta, text, upstream

WITNESSES, PACE, ROUNDS = 20, 50, 5
MARK = "§"  # marks a chunk; no id and no key contains it
RECIPE = '","prep_time_minutes":5,"ingredients":["figs"],"instructions":"Cook."}]}'
CHUNKS = [text('{"items": [{"name": "'), *[text("Fig")] * 20, text(RECIPE), delta("stop")]
ANSWERS = [
    Answer(b"".join(CHUNKS[:at]), CHUNKS[at], b"".join(CHUNKS[at + 1 :]))
    for at in (0, len(CHUNKS) // 2, len(CHUNKS) - 1)
]


async def nothing(exchange: Exchange, answer: Answer) -> None:
    await exchange.send(answer.whole)


NONE = Fault(nothing, None)


class Bench:
    """latencies: those of the witnesses' chunks since they were last read."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.latencies: list[float] = []
        self.exchange: Exchange
        self._answers = iter(ANSWERS)
        self._sent: dict[int, list[float]] = {}

    async def script(self, exchange: Exchange) -> None:
        """The provider. A witness's answer never ends; all others have the current fault."""
        if exchange.body["model"] == "witness":
            number = int(exchange.body["messages"][-1]["content"].split("witness-")[1].split()[0])
            await self._pace(exchange, self._sent.setdefault(number, []))
            return
        assert self.fault is not None
        answer = next(self._answers, None)
        if answer is None:
            self._answers = iter(ANSWERS)
            answer = next(self._answers)
        self.exchange = exchange
        await exchange.send(self.fault.head(answer))
        await self.fault.act(exchange, answer)
        await exchange.closed.wait()

    async def _pace(self, exchange: Exchange, sent: list[float]) -> None:
        await exchange.send(HEAD, text('{"items": [{"name": "'))
        with suppress(OSError):
            while not exchange.closed.is_set():
                sent.append(time.perf_counter())
                await exchange.text(MARK)
                await asyncio.sleep(1 / PACE)

    async def witness(self, port: int, number: int) -> None:
        """A reader that notes when each chunk comes."""
        path = f"/recipes?topic=witness-{number}+&model=witness&view=delta"
        reader, _ = await request(port, path)
        seen = 0
        while data := await reader.read(65536):
            now, marks = time.perf_counter(), data.count(MARK.encode())
            sent = self._sent.get(number, [])
            self.latencies += [now - at for at in sent[seen : seen + marks]]
            seen += marks

    async def suffer(self, port: int, seconds: float) -> tuple[Counter[str], list[float]]:
        """Run streams with the fault, one after another.

        Returns how they ended, and how late the provider's connections were closed.
        """
        ends: Counter[str] = Counter()
        closed = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            reader, writer = await request(port, "/recipes?topic=figs&model=faulty&interval_ms=0")
            got = (await reader.read()).decode()
            ended = time.perf_counter()
            await asyncio.wait_for(self.exchange.closed.wait(), 5)
            closed.append(time.perf_counter() - ended)
            writer.close()
            await asyncio.sleep(0.2)
            refused = not got.startswith("HTTP/1.1 200")
            assert got.count("event: done") + got.count("event: error") + refused == 1, got
            ends["done" if "event: done" in got else got.split('"code":"')[-1].split('"')[0]] += 1
        return ends, closed

    def taken(self) -> list[float]:
        taken, self.latencies = self.latencies, []
        return taken


async def request(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return reader, writer


def p99(latencies: list[float]) -> float:
    return 1000 * statistics.quantiles(latencies, n=100)[98]


@asynccontextmanager
async def witnessed(bench: Bench) -> AsyncIterator[int]:
    """The port of a service with all its witnesses. Checks that they have lost no chunk."""
    async with (
        upstream(bench.script) as provider,
        process(
            OPENAI_BASE_URL=provider.base_url,
            MODELS="witness,faulty",
            MAX_ATTEMPTS="1",
            FIRST_CONTENT_TIMEOUT="3",
            CONTENT_GAP_TIMEOUT="3",
            TOTAL_TIMEOUT="3600",
        ) as service,
    ):
        port = int(service.url.rsplit(":", 1)[1])
        reading = [asyncio.create_task(bench.witness(port, n)) for n in range(WITNESSES)]
        await asyncio.sleep(3)
        yield port
        assert not [task for task in reading if task.done()], "a witness has lost its stream"
        for task in reading:
            task.cancel()
    await asyncio.sleep(2 / PACE)  # gives the provider's tasks time to end


async def main(seconds: float) -> None:
    bench = Bench()
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    closed: dict[str, list[float]] = defaultdict(list)
    calm: dict[str, list[float]] = defaultdict(list)
    hit: dict[str, list[float]] = defaultdict(list)
    async with witnessed(bench) as port:
        for round in range(ROUNDS):
            for name, fault in FAULTS.items():
                print(f"\rround {round + 1}: {name:30}", end="", file=sys.stderr, flush=True)
                bench.fault = NONE
                bench.taken()
                await bench.suffer(port, seconds)
                calm[name] += bench.taken()
                bench.fault = fault
                found, late = await bench.suffer(port, seconds)
                hit[name] += bench.taken()
                ends[name] += found
                closed[name] += late
    print("\r| fault | streams ended in | closed within, ms | p99 of the others, ms | without |")
    print("|---|---|---|---|---|")
    for name in FAULTS:
        ended = ", ".join(f"{count} {code}" for code, count in ends[name].items())
        others, without = p99(hit[name]), p99(calm[name])
        late_ms = 1000 * max(closed[name])
        print(f"| {name} | {ended} | {late_ms:.1f} | {others:.2f} | {without:.2f} |")


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 2))
