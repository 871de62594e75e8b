"""Streams and their readers, in a loop whose clock leaps: times below are exact."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.errors import Draining, ProviderRejected, StreamExpired, StreamNotFound
from app.main import streams_of
from app.providers.base import CompletionRequest
from app.schema import ListParameters
from app.settings import Settings
from app.streams.log_entry import Failed
from app.streams.registry import Streams
from app.streams.request import GenerationRequest
from app.streams.stream import Origin, Stream
from app.telemetry.metrics import Telemetry
from tests.support.clock import run
from tests.support.schema_files import REGISTRY


class Silent:
    """A completion that begins, and then is silent until the test says otherwise."""

    finish = None
    usage = None
    ahead = False
    null_is_absent = False
    sent = read = 0.0
    finish_word = None

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.active = loop.time()
        self.received = loop.create_future()

    async def __aiter__(self) -> AsyncIterator[str]:
        yield '{"items": ['
        await asyncio.get_running_loop().create_future()


class Provider:
    """open: how many completions are. refuses: whether it does, a second after it was asked."""

    def __init__(self) -> None:
        self.open = 0
        self.refuses = False

    @asynccontextmanager
    async def complete(self, request: CompletionRequest) -> AsyncIterator[Silent]:
        if self.refuses:
            await asyncio.sleep(1)
            raise ProviderRejected
        self.open += 1
        try:
            yield Silent()
        finally:
            self.open -= 1

    async def aclose(self) -> None:
        pass


@contextmanager
def reading(streams: Streams, stream: Stream) -> Iterator[None]:
    leave = streams.read(stream)
    yield
    leave()


def of(
    main: Callable[[Streams, Provider], Coroutine[Any, Any, None]], **settings: Any
) -> list[Any]:
    """Run this with streams that last for ever; gives what was logged."""

    async def in_loop() -> None:
        forever = {"content_gap_timeout": 10_000, "total_timeout": 10_000}
        streams = streams_of(Settings(**{**forever, **settings}), Telemetry())
        provider = streams.provider = Provider()
        await main(streams, provider)
        await streams.stop()

    with capture_logs() as logs:
        run(in_loop())
    return [log["event"] for log in logs]


def wanted(topic: str = "figs") -> GenerationRequest:
    return GenerationRequest(REGISTRY.get("ideas"), ListParameters(topic=topic), "m")


def outcome(stream: Stream) -> str | None:
    end = stream.outcome
    return end.code if isinstance(end, Failed) else None


def test_a_resumable_stream_without_a_reader_has_the_grace_period() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        stream = streams.begin(wanted(), Origin("me", resumable=True))
        with reading(streams, stream):
            await asyncio.sleep(500)
        await asyncio.sleep(29.9)
        assert (provider.open, outcome(stream)) == (1, None)
        await asyncio.sleep(0.2)
        assert (provider.open, outcome(stream)) == (0, "cancelled")
        assert streams.find(stream.id, "me") is stream
        await asyncio.sleep(300)
        with pytest.raises(StreamExpired):
            streams.find(stream.id, "me")

    assert of(main) == ["stream started", "stream ended"]


def test_a_reader_who_comes_back_in_time_keeps_it_and_the_period_begins_anew() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        stream = streams.begin(wanted(), Origin("me", resumable=True))
        for _ in range(3):
            with reading(streams, stream):
                await asyncio.sleep(100)
            await asyncio.sleep(29.9)
        assert outcome(stream) is None
        await asyncio.sleep(0.2)
        assert outcome(stream) == "cancelled"

    of(main)


def test_only_the_last_reader_who_goes_leaves_it_alone() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        for resumable in (True, False):
            stream = streams.begin(wanted(), Origin("me", resumable=resumable))
            with reading(streams, stream):
                with reading(streams, stream):
                    pass
                await asyncio.sleep(1000)
                assert (provider.open, outcome(stream)) == (1, None)
            await asyncio.sleep(31 if resumable else 0.01)
            assert (provider.open, outcome(stream)) == (0, "cancelled")

    of(main)


def test_one_that_is_not_resumable_is_cancelled_at_once_and_not_kept() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        stream = streams.begin(wanted(), Origin("me"))
        with reading(streams, stream):
            await asyncio.sleep(1)
        await asyncio.sleep(0.01)
        assert (provider.open, len(streams)) == (0, 0)
        with pytest.raises(StreamExpired):
            streams.find(stream.id, "me")
        with pytest.raises(StreamNotFound):
            streams.find(stream.id, "you")

    of(main)


def test_a_stream_that_was_refused_never_was() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        provider.refuses = True
        stream = streams.begin(wanted(), Origin("me", key="k"))
        with reading(streams, stream):
            await asyncio.sleep(1.01)
            assert outcome(stream) == "provider_rejected"
        with pytest.raises(StreamNotFound):
            streams.find(stream.id, "me")
        assert streams.begin(wanted("another"), Origin("me", key="k")) is not stream

    of(main)


def test_a_key_is_free_as_soon_as_the_refusal_is_known() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        provider.refuses = True
        stream = streams.begin(wanted(), Origin("me", key="k"))
        with reading(streams, stream):
            await stream.opened  # its task has not yet ended
            assert streams.begin(wanted("another"), Origin("me", key="k")) is not stream

    of(main)


def test_what_a_reader_was_told_200_of_is_kept_even_if_the_provider_refuses_then() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        provider.refuses = True
        stream = streams.begin(wanted(), Origin("me", key="k"))
        with reading(streams, stream):
            stream.commit()
            await asyncio.sleep(1.01)
        assert streams.find(stream.id, "me") is stream
        assert streams.begin(wanted(), Origin("me", key="k")) is stream

    of(main)


def test_delete_is_no_way_to_learn_that_a_stream_was() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        stream = streams.begin(wanted(), Origin("me", resumable=True))
        with pytest.raises(StreamNotFound):
            streams.cancel(stream.id, "you")
        assert outcome(stream) is None
        streams.cancel(stream.id, "me")
        assert outcome(stream) == "cancelled"
        with pytest.raises(StreamNotFound):
            streams.cancel(stream.id, "me")

    of(main)


def test_a_draining_service_begins_nothing_but_lets_a_key_attach() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        stream = streams.begin(wanted(), Origin("me", key="k"))
        with reading(streams, stream):
            draining = asyncio.create_task(streams.drain(5))
            await asyncio.sleep(1)
            assert streams.begin(wanted(), Origin("me", key="k")) is stream
            with pytest.raises(Draining):
                streams.begin(wanted(), Origin("me", key="other"))
            await draining
            assert outcome(stream) == "draining"

    of(main)


def test_no_timer_is_left_where_the_end_comes_within_the_grace_period() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        stream = streams.begin(wanted(), Origin("me", resumable=True))
        with reading(streams, stream):
            await asyncio.sleep(1)
        streams.cancel(stream.id, "me")
        gone = weakref.ref(stream)
        del stream
        await asyncio.sleep(0.01)
        gc.collect()
        assert gone() is None  # a timer of its grace period would hold it

    of(main)


def test_what_is_done_at_an_end_cannot_skip_the_rest_by_raising() -> None:
    async def main(streams: Streams, provider: Provider) -> None:
        def fail(stream: Stream) -> None:
            raise RuntimeError

        stream = streams.begin(wanted(), Origin("me", resumable=True), fail)
        with reading(streams, stream):
            await asyncio.sleep(1)
            streams.cancel(stream.id, "me")
            await asyncio.sleep(0.01)
        assert (provider.open, len(streams)) == (0, 0)
        await streams.drain(1000)
        assert asyncio.get_running_loop().time() < 10  # it is idle: nothing waits for the stream

    assert of(main) == [
        "stream started",
        "what was to be done at a stream's end broke",
        "stream ended",
    ]
