"""`python -m app dev`: it follows the files, and a broken one leaves the last good one."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from tests.support.http_client import http_client
from tests.support.process import HOUR, process
from tests.support.schema_files import FOLDER, schema, write


async def changes(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def test_it_follows_the_files_and_tells_the_page_and_the_terminal(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "ideas.py", tmp_path / "ideas.py")
    broken = write(tmp_path, "broken.py", "schema = Shema()\n")
    async with process("dev", SCHEMAS=str(tmp_path), HEARTBEAT_SECONDS=HOUR) as service:
        async with (
            http_client(base_url=service.url, timeout=60) as client,
            client.stream("GET", "/dev/changes") as response,
        ):
            told = changes(response)

            async def names() -> list[str]:
                return [it["name"] for it in (await client.get("/schemas")).json()["schemas"]]

            first = await anext(told)
            assert [fault["place"].split(":")[0][-9:] for fault in first["faults"]] == ["broken.py"]
            assert await names() == ["ideas"]
            assert "web/dev/dev.js" in (await client.get("/")).text
            assert (await client.get("/web/dev/dev.js")).status_code == 200
            running = client.stream("GET", "/ideas?topic=tea&model=demo-stall")
            async with running as stalled:
                reading = asyncio.create_task(stalled.aread())  # until it ends

                broken.unlink()
                write(tmp_path, "_shared.py", "NAME = 'one'\n")
                more = "from schemas._shared import NAME\n" + schema(more="name=NAME")
                write(tmp_path, "words.py", more)
                second = await anext(told)
                assert second["version"] != first["version"]
                while second["faults"] or "one" not in await names():
                    second = await anext(told)

                write(tmp_path, "_shared.py", "NAME = 'two'\n")  # a helper alone has changed
                while "two" not in await names():
                    await anext(told)

                write(tmp_path, "ideas.py", "\n\nx = undefined\n")
                while not (fault := (await anext(told))["faults"]):
                    pass  # it is told of an earlier change
                assert [it["reason"] for it in fault] == [
                    "importing it failed: NameError: name 'undefined' is not defined"
                ]
                line = await service.line(f'"where": "{fault[0]["place"]}"')
                lines = len((tmp_path / "ideas.py").read_text().splitlines())
                assert fault[0]["place"].endswith(f"ideas.py:{lines}")
                assert json.loads(line)["why"] == fault[0]["reason"]
                answer = await client.post("/ideas", json={"topic": "tea", "count": 1})
                assert "event: done" in answer.text
                assert not reading.done()  # the first app's stream goes on
                reading.cancel()
            shutil.copy(FOLDER / "ideas.py", tmp_path / "ideas.py")
            assert (await anext(told))["faults"] == []
            service.signal()
            assert [it async for it in told] == []
        assert await service.exit_code() == 0
        assert not [line for line in service.lines if "Traceback" in line]
