"""`python -m app`, as processes of their own: what they say, and how they end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shlex
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletion
from typer.testing import CliRunner

from app import __version__
from app.cli import cli
from tests.support.client import read
from tests.support.command import invoked
from tests.support.http_client import http_client
from tests.support.process import ROOT, ended, process
from tests.support.program import printed
from tests.support.sockets import free_port

console = partial(process, LOG_FORMAT="console", DEMO_TOKENS_PER_SECOND="0")
"""The service with a log for people."""


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


async def test_without_a_key_one_line_says_where_to_look_and_what_to_try() -> None:
    async with console() as service:
        said = service.lines[0]
        assert "no OPENAI_API_KEY and no OPENAI_BASE_URL, so the demo model answers" in said
        assert f"open {service.url}/" in said
        command = re.search(r"curl -N '[^']+'", service.lines[0])
        assert command
        assert (await printed(*shlex.split(command[0]), "-sS")).count("event: done\n") == 1
        async with http_client(timeout=60, follow_redirects=True) as client:
            assert "<title>" in (await client.get(f"{service.url}/")).text
        service.signal()
        assert await service.exit_code() == 0
        after = service.lines[1:]
    assert len([line for line in after if "stream" in line]) == 2, after
    assert "healthy" not in "".join(after)


async def test_a_proxy_is_in_nobodys_way_to_the_demo_model() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with process(
        HTTP_PROXY=nowhere, ALL_PROXY=nowhere, DEMO_TOKENS_PER_SECOND="0"
    ) as service:
        assert "event: done" in await read(service.url + "/ideas?topic=figs")


async def test_with_a_prefix_the_line_s_address_and_curl_carry_it() -> None:
    async with console(ROOT_PATH="/api") as service:
        assert f"open {service.url}/api/" in service.lines[0]
        command = re.search(r"curl -N '[^']+'", service.lines[0])
        assert command
        assert "/api/ideas?" in command[0]
        assert "event: done" in await printed(*shlex.split(command[0]), "-sS")


async def test_recording_is_said_loudly_at_the_start(tmp_path: Path) -> None:
    async with process(RECORD=str(tmp_path)) as service:
        line = json.loads(await service.line("RECORDING"))
    assert line["level"] == "warning"
    assert line["event"].endswith(str(tmp_path))


def test_the_version_is_printed() -> None:
    told = CliRunner().invoke(cli, ["--version"])
    assert (told.exit_code, told.output) == (0, f"structured-streams {__version__}\n")


async def test_with_a_key_the_line_is_json_if_wanted_and_holds_no_key() -> None:
    async with process(OPENAI_API_KEY="sk-c4n4ry", LOG_FORMAT="json") as service:
        line = json.loads(service.lines[0])
        assert (
            line["event"] == f"serving on {service.url}/, open to all on this machine (no API_KEYS)"
        )
        assert "curl" not in service.lines[0]
        service.signal(signal.SIGINT)
        assert await service.exit_code() == 0
        assert "c4n4ry" not in "".join(service.lines)


async def test_a_key_is_made_printed_once_and_known_by_its_hash() -> None:
    made = await invoked("key", "web")
    assert (made.code, made.said) == (0, "")
    key, pair = (line.split(": ")[1] for line in made.out.splitlines())
    assert pair == f"web={hashlib.sha256(key.encode()).hexdigest()}"
    async with (
        console(API_KEYS=pair, HOST="0.0.0.0") as service,
        http_client(timeout=30) as client,
    ):
        assert "to those who have a key of 1 caller;" in service.lines[0]
        assert key not in service.lines[0]
        url = service.url.replace("0.0.0.0", "127.0.0.1") + "/ideas?topic=tea&count=1"
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, headers={"X-API-Key": key})).status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a,b", "x" * 65])
def test_a_caller_has_a_plain_name(name: str) -> None:
    made = CliRunner().invoke(cli, ["key", "--", name])
    assert made.exit_code == 2
    assert "1 to 64 letters" in made.output


async def test_without_keys_it_serves_this_machine_or_says_loudly_that_it_serves_all() -> None:
    stopped = await ended(HOST="0.0.0.0")
    assert stopped.code == 2
    assert stopped.said.startswith("API_KEYS: without keys everyone who reaches HOST could spend")
    assert len(stopped.said.splitlines()) == 1
    async with console(HOST="0.0.0.0", ALLOW_OPEN="true") as service:
        assert "warning" in service.lines[0]
        assert "OPEN TO EVERYONE who reaches it, at your cost (no API_KEYS)" in service.lines[0]


async def test_a_file_of_keys_that_is_none_stops_the_start() -> None:
    stopped = await ended(API_KEYS_FILE="/nowhere/c4n4ry")
    assert (stopped.code, stopped.said) == (2, "API_KEYS_FILE: No such file or directory\n")


async def test_a_port_in_use_stops_the_start_with_an_error(taken: str) -> None:
    stopped = await ended(PORT=taken)
    assert stopped.code not in (0, None)
    assert "address already in use" in stopped.said.lower()
    assert taken in stopped.said
    assert "Traceback" not in stopped.said
    assert len(stopped.said.splitlines()) == 1


async def test_a_host_that_is_none_stops_the_start_with_an_error() -> None:
    stopped = await ended(HOST="host.invalid")
    assert stopped.code not in (0, None)
    assert "Traceback" not in stopped.said
    assert len(stopped.said.splitlines()) == 1


async def test_help_says_what_there_is() -> None:
    found = await invoked("--help")
    assert found.code == 0
    assert "Typed LLM answers" in found.out
    assert re.search(r"demo +Serve the demo model", found.out)
    assert re.search(r"key +Make an API key", found.out)
    demo = await invoked("demo", "--help")
    assert demo.code == 0
    for option in ("--host", "--port", "--tokens-per-second"):
        assert option in demo.out


async def test_a_wrong_argument_is_explained() -> None:
    stopped = await ended("serve")
    assert "Usage: python -m app" in stopped.said
    for each in (
        stopped,
        await invoked("--port", "1"),
        await invoked("demo", "--port", "http"),
    ):
        assert each.code == 2
        assert "Usage: " in each.said
        assert "Traceback" not in each.said


# The demo model alone


async def test_the_demo_model_serves_any_openai_client() -> None:
    async with (
        process("demo", "--port", "0", "--tokens-per-second", "0") as demo,
        openai.AsyncOpenAI(base_url=f"{demo.url}/v1", api_key="none") as client,
    ):
        assert demo.lines == [f"The demo model: base URL {demo.url}/v1"]
        messages = [{"role": "user", "content": "tea"}]
        answer = await client.chat.completions.create(
            model="demo",
            messages=messages,  # type: ignore[arg-type]
        )
        assert isinstance(answer, ChatCompletion)
        assert answer.choices[0].finish_reason == "stop"
        assert answer.choices[0].message.content
        async with await client.chat.completions.create(
            model="demo",
            messages=messages,  # type: ignore[arg-type]
            stream=True,
        ) as stream:
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(pieces) == answer.choices[0].message.content
        assert "demo-garbage" in [model.id async for model in client.models.list()]


async def test_the_service_takes_the_demo_model_for_a_provider() -> None:
    async with (
        process("demo", "--port", "0", "--tokens-per-second", "0") as demo,
        console(OPENAI_BASE_URL=f"{demo.url}/v1", MODEL="demo") as service,
        http_client(timeout=60) as client,
    ):
        assert f"serving on {service.url}/" in service.lines[0]
        answer = await client.get(f"{service.url}/briefs?topic=tea", timeout=30)
        assert "event: done\n" in answer.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_demo_model_ends_by_a_signal_without_a_word(number: signal.Signals) -> None:
    async with process("demo", "--port", "0") as demo:
        demo.signal(number)
        await demo.exit_code()
        assert len(demo.lines) == 1, demo.lines


async def test_the_demo_model_says_that_its_port_is_in_use(taken: str) -> None:
    stopped = await ended("demo", "--port", taken)
    assert stopped.code not in (0, None)
    assert "address already in use" in stopped.said.lower()
    assert "Traceback" not in stopped.said
    assert len(stopped.said.splitlines()) == 1


async def test_a_python_that_lacks_the_packages_says_how_to_run_it() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-m", "app", "schemas"), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    out, said = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out) == (1, b"")
    assert f"{sys.executable} (Python 3." in said.decode()
    assert ".venv/bin/python -m app" in said.decode()
    assert "Traceback" not in said.decode()
