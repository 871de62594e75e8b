"""`python -m app dev`: it follows the files, and a broken one leaves the last good one."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.http.auth.keys import KeysError
from app.http.server import reloading
from app.http.server.reloading import Reloading
from app.main import create_app
from app.settings import Settings
from tests.support.callers import WEB, WEB_PAIR, bearer
from tests.support.http_client import http_client
from tests.support.otlp import collector
from tests.support.process import HOUR, process
from tests.support.schema_files import FOLDER, schema, write
from tests.support.service import DEFAULTS, eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


async def changes(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def test_it_follows_the_files_and_tells_the_page_and_the_terminal(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "ideas.py", tmp_path / "ideas.py")
    broken = write(tmp_path, "broken.py", "schema = Shema()\n")
    keys = tmp_path / "keys"
    keys.write_text(WEB_PAIR)
    settings = {"SCHEMAS": str(tmp_path), "API_KEYS_FILE": str(keys), "HEARTBEAT_SECONDS": HOUR}
    sent = {"TRACES": "true", "OTEL_BSP_SCHEDULE_DELAY": "20"}
    async with (
        collector() as spans,
        process("dev", **settings, **sent, OTEL_EXPORTER_OTLP_ENDPOINT=spans.url) as service,
    ):
        async with (
            http_client(base_url=service.url, timeout=60, headers=bearer(WEB)) as client,
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

            keys.write_text("web=c4n4ry")
            shutil.copy(FOLDER / "ideas.py", tmp_path / "ideas.py")
            reason = "API_KEYS_FILE: line 1 is not name=sha256"
            while (await anext(told))["faults"] != [{"place": "", "reason": reason}]:
                pass
            await service.line(f'"why": "{reason}"')
            assert await names() == ["ideas", "two"]

            keys.write_text(WEB_PAIR)
            write(tmp_path, "_shared.py", "NAME = 'three'\n")
            while (await anext(told))["faults"] or await names() != ["ideas", "three"]:
                pass

            await client.get("/ideas?topic=tea", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
            assert await spans.trace(TRACE, 3)  # though the app that began to send has ended
            service.signal()
            assert [it async for it in told] == []
        assert await service.exit_code() == 0
        assert not [line for line in service.lines if "Traceback" in line]


class Making:
    """Makes apps as the service does, and fails once if it is told to."""

    def __init__(self) -> None:
        self.fails: Exception | None = None

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        if self.fails is not None:
            failure, self.fails = self.fails, None
            raise failure
        return create_app(*arguments, **more)


async def test_whatever_an_app_fails_with_the_next_change_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(name: str) -> None:
        write(tmp_path, "words.new", schema(more=f"name={name!r}")).replace(words)  # at once

    monkeypatch.setattr(reloading, "POLL_SECONDS", 0.01)
    words = tmp_path / "words.py"
    save("one")
    settings, make = Settings(**{**DEFAULTS, "schemas": (str(tmp_path),)}), Making()
    following = Reloading(settings, make, (KeysError,))
    with capture_logs() as logs:
        async with following.app.router.lifespan_context(following.app):
            make.fails = RuntimeError("c4n4ry")
            save("second")
            await eventually(lambda: make.fails is None)
            assert following.names == ("one",)
            save("the-third")
            await eventually(lambda: following.names == ("the-third",))
    (failed,) = [log for log in logs if log["log_level"] == "error"]
    assert failed["why"] == "it failed with RuntimeError; the log says where"
    assert failed["exception"].endswith("\nRuntimeError")
    assert "c4n4ry" not in str(logs)


async def test_an_app_that_can_not_start_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise OSError("no socket is left")

    monkeypatch.setattr("app.main.open_provider", fail)
    write(tmp_path, "words.py", schema())
    settings = Settings(**{**DEFAULTS, "schemas": (str(tmp_path),)})
    following = Reloading(settings, create_app, ())
    async with asyncio.timeout(10):
        with pytest.raises(OSError, match="no socket is left"):
            async with following.app.router.lifespan_context(following.app):
                pass
