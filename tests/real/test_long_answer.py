"""A real model in the middle of a long answer: its readers leave, it is cancelled, it dies."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.connection import Connection, code, connected
from tests.support.real_model import RealModel, asking, tiny
from tests.support.schema_files import schema, write
from tests.support.service import Service, eventually

LONG = """
class Long(BaseModel):
    words: Annotated[list[str], Field(min_length=1500)]
"""


@pytest.fixture
def schemas(tmp_path: Path) -> tuple[str, ...]:
    write(tmp_path, "long.py", LONG + schema("Long", "Parameters"))
    return (str(tmp_path),)


@pytest_asyncio.fixture
async def service(model: RealModel, schemas: tuple[str, ...]) -> AsyncIterator[Service]:
    async with asking(model, schemas=schemas) as service:
        yield service


def reader(service: Service) -> AbstractAsyncContextManager[Connection]:
    """One more reader of the one answer."""
    url = f"{service.url}/long?interval_ms=0"
    return connected(url, "POST", json={"topic": "tea"}, Idempotency_Key="k")


async def more(stream: Connection) -> int:
    """Read a partial with words; gives their number."""
    while (event := await stream.next()) is not None:
        if event.event is None and event.data["words"]:
            return len(event.data["words"])
    raise AssertionError("the answer has ended")


async def test_the_model_is_idle_within_a_second_once_the_only_reader_has_left(
    model: RealModel, service: Service
) -> None:
    async with connected(f"{service.url}/long?topic=tea&interval_ms=0") as stream:
        await more(stream)
        await model.writes(1)
    await model.is_idle()
    await eventually(lambda: not len(service.streams))


async def test_the_model_goes_on_for_the_reader_that_stays_and_is_idle_once_it_is_cancelled(
    model: RealModel, service: Service
) -> None:
    async with reader(service) as staying:
        async with reader(service) as leaving:
            seen = await more(leaving)
        while await more(staying) <= seen + 10:
            pass
        await model.writes(1)
        assert await code(f"{service.url}/streams/{staying.stream}", "DELETE") == (204, "")
        await model.is_idle()
        last = (await staying.rest())[-1]
    assert last.event == "error"
    assert last.data["code"] == "cancelled"


async def test_a_model_that_is_killed_is_an_honest_error(
    schemas: tuple[str, ...], tmp_path: Path
) -> None:
    with tiny(tmp_path) as model:
        async with asking(model, schemas=schemas) as service:
            url = f"{service.url}/long?topic=tea&interval_ms=0"
            async with connected(url) as stream:
                await more(stream)
                model.process.send_signal(signal.SIGKILL)
                events = await stream.rest()
            told = [event for event in events if event.event is not None]
            assert [event.event for event in told] == ["restart", "error"]
            assert [event.data["code"] for event in told] == [
                "provider_interrupted",
                "provider_unavailable",
            ]
            assert await code(url) == (502, "provider_unavailable")
