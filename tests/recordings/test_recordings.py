"""What is recorded of streams, and that it can be played again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.demo import Replays, create_demo_app
from app.http.server.server import server
from app.main import Replay, create_app
from app.recordings import recorder
from app.recordings.models import way_of
from app.recordings.recorder import remove_oldest
from app.recordings.recording import RecordingError, parse, read
from app.settings import Settings
from tests.support.client import read as read_stream
from tests.support.client import reading
from tests.support.http_client import http_client
from tests.support.schema_files import schema, write
from tests.support.service import DEFAULTS, eventually, running
from tests.support.upstream import HEAD, Exchange, end, refusal, saying, status, text, upstream

KEY = "sk-live-1234567890"
INVALID = '{"items": [{"title": 1, "blurb": "b"}]}'
ANSWER = '{"items": [{"title": "Tea", "blurb": "Hot, \\u00e9."}]}'
DONE = HEAD + text(ANSWER) + end("stop", (7, 9))
IDEAS = "/ideas?topic=tea&count=1"


@asynccontextmanager
async def replayed(recording: Any, pace: float = 0, **settings: Any) -> AsyncIterator[str]:
    """The URL of a service that plays a recording."""
    configured = Settings(**{**DEFAULTS, "model": "", **settings})
    app = create_app(configured, replay=Replay(recording, pace))
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    service = server(app, configured, started.set_result)
    serving = asyncio.create_task(service.serve())
    try:
        yield await started
    finally:
        service.should_exit = True
        await serving


def the_one(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


async def test_a_recording_has_the_request_and_what_the_provider_has_sent(tmp_path: Path) -> None:
    script = saying(HEAD + text(INVALID) + end(), DONE)
    async with (
        upstream(script) as provider,
        running(
            openai_base_url=provider.base_url,
            openai_api_key=KEY,
            extra_headers={"X-Tenant": "tenant-secret"},
            record=str(tmp_path),
        ) as service,
    ):
        before = await read_stream(service.url + IDEAS)
    file = the_one(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line) for line in file.read_bytes().splitlines()]
    head, asked, answered, *_ = events
    first = next(event for event in events if "text" in event)
    assert head | {"began": "", "schema_version": ""} == {
        "recording": 1,
        "service": "0.1.0",
        "began": "",
        "schema": "ideas",
        "schema_version": "",
        "parameters": {"topic": "tea", "count": 1},
        "models": [{"name": "m", "provider": "openai", "fallbacks": [], "fall_back_on": []}],
    }
    assert (asked["exchange"], asked["model"]) == (0, "m")
    assert asked["asked"] == provider.exchanges[0].body
    assert (answered["exchange"], answered["status"]) == (0, 200)
    assert first["exchange"] == 0
    assert first["text"].encode().startswith(text(INVALID))
    assert asked["at"] <= answered["at"] <= first["at"] < 60
    assert events[-1]["outcome"] == "done"
    whole = file.read_text()
    for canary in (KEY, "Authorization", "authorization", "tenant-secret", "127.0.0.1"):
        assert canary not in whole
    async with replayed(read(file)) as url:
        assert await read_stream(url + IDEAS) == before
        assert await read_stream(url + IDEAS) == before  # again and again


async def test_a_key_that_the_provider_repeats_is_masked(tmp_path: Path) -> None:
    said = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
    async with (
        upstream(saying(refusal(401, said))) as provider,
        running(
            openai_base_url=provider.base_url, openai_api_key=KEY, record=str(tmp_path)
        ) as service,
        http_client(timeout=60) as client,
    ):
        assert (await client.get(service.url + IDEAS)).status_code == 502
    recording = read(the_one(tmp_path))
    assert b"*" * len(KEY) in recording.answers[0].pieces[-2].data
    assert KEY not in the_one(tmp_path).read_text()
    async with replayed(recording) as url, http_client(timeout=60) as client:
        again = await client.get(url + IDEAS)
    assert again.json()["code"] == "provider_rejected"


async def test_secrets_of_headers_and_of_the_body_are_masked(tmp_path: Path) -> None:
    secrets = ("s3cret-bearer", "s3cret-cookie", "s3cret-body", "s3cret-listed", "s3cret-schema")
    headers = {"Authorization": f"Bearer {secrets[0]}", "Cookie": f"a=b; session={secrets[1]}"}
    body = {"api_key": secrets[2], "servers": [{"auth": {"value": secrets[3]}}], "user": "web"}
    schemas, folder = tmp_path / "schemas", tmp_path / "recordings"
    schemas.mkdir()
    write(schemas, "words.py", schema(more=f"options={{'token': {secrets[4]!r}}}"))
    said = {"error": {"message": f"invalid: {', '.join(secrets)}"}}
    async with (
        upstream(saying(refusal(401, said))) as provider,
        running(
            openai_base_url=provider.base_url,
            extra_headers=headers,
            extra_body=body,
            schemas=(str(schemas),),
            record=str(folder),
        ) as service,
        http_client(timeout=60) as client,
    ):
        assert (await client.get(f"{service.url}/words?topic=tea&count=1")).status_code == 502
    whole = the_one(folder).read_text()
    assert all(secret in json.dumps(provider.exchanges[0].body) for secret in secrets[2:])
    assert [secret for secret in secrets if secret in whole] == []
    assert f"invalid: {', '.join('*' * len(secret) for secret in secrets)}" in whole
    asked = read(the_one(folder)).answers[0].asked
    assert (asked["api_key"], asked["user"]) == ("*" * len(secrets[2]), "web")


async def test_an_answer_that_breaks_breaks_again_at_the_recorded_pace(tmp_path: Path) -> None:
    async def script(exchange: Exchange) -> None:
        head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")
        piece = text('{"items": [{"title": "T')
        await exchange.send(head, b"%x\r\n" % len(piece) + piece + b"\r\n")
        await gate.wait()
        exchange.drop()

    gate = asyncio.Event()
    async with (
        upstream(script) as provider,
        running(openai_base_url=provider.base_url, record=str(tmp_path), max_attempts=1) as service,
        reading(service.url + IDEAS) as reader,
    ):
        shown = await reader.until("data: ")
        gate.set()
        assert "provider_interrupted" in await reader.rest()
    recording = read(the_one(tmp_path))
    (answer,) = recording.answers
    assert answer.end == "broken"
    lasted = answer.pieces[-1].after
    async with replayed(recording, pace=1, max_attempts=1) as url, reading(url + IDEAS) as reader:
        began = asyncio.get_running_loop().time()
        assert await reader.until("data: ") == shown
        assert "provider_interrupted" in await reader.rest()
        assert asyncio.get_running_loop().time() - began >= lasted - answer.pieces[1].after - 0.1


async def test_what_was_not_read_on_hangs_when_it_is_played(tmp_path: Path) -> None:
    """The reader has left, so nobody knows what would have come."""
    async with (
        upstream() as provider,
        running(openai_base_url=provider.base_url, record=str(tmp_path)) as service,
    ):
        async with asyncio.TaskGroup() as tasks:
            opened = tasks.create_task(provider.next())
            async with reading(service.url + IDEAS) as reader:
                exchange = await opened
                await exchange.send(HEAD, text('{"items": [{"title": "T'))
                await reader.until("data: ")
        await eventually(lambda: b"outcome" in the_one(tmp_path).read_bytes())
    recording = read(the_one(tmp_path))
    assert recording.answers[0].end is None
    async with replayed(recording, content_gap_timeout=0.2, max_attempts=1) as url:
        assert "provider_timeout" in await read_stream(url + IDEAS)


async def test_a_fallback_is_played_as_the_model_that_it_was(tmp_path: Path) -> None:
    models = tmp_path / "models.toml"
    async with upstream(saying(status(500), status(500), status(500), DONE)) as provider:
        url = f'base_url = "{provider.base_url}"'
        models.write_text(f'[models.a]\n{url}\nfallbacks = ["b"]\n[models.b]\n{url}\n')
        folder = tmp_path / "recordings"
        async with running(
            models_file=str(models), model="", record=str(folder), open_timeout=60
        ) as service:
            before = await read_stream(service.url + IDEAS)
    recording = read(the_one(folder))
    assert [model.name for model in recording.models] == ["a", "b"]
    assert [answer.model for answer in recording.answers] == ["a", "a", "a", "b"]
    async with replayed(recording, open_timeout=60) as url:
        assert await read_stream(url + IDEAS) == before


async def test_the_demo_serves_a_recording_as_a_model_of_its_own(tmp_path: Path) -> None:
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url, record=str(tmp_path)) as service,
    ):
        await read_stream(service.url + IDEAS)
    app = create_demo_app(0, Replays({"bug-17": read(the_one(tmp_path)).answers}, pace=0))
    transport = httpx.ASGITransport(app)
    async with http_client(timeout=60, transport=transport, base_url="http://demo") as client:
        names = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
        asked = {"model": "bug-17", "messages": [], "stream": True}
        answer = await client.post("/v1/chat/completions", json=asked)
    assert names[-1] == "bug-17"
    assert HEAD + answer.content == DONE


async def test_a_recording_has_a_bound_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RECORDING_BYTES", 3000)
    async with (
        upstream(saying(HEAD + text("x" * 100_000))) as provider,
        running(openai_base_url=provider.base_url, record=str(tmp_path), max_attempts=1) as service,
    ):
        await read_stream(service.url + IDEAS)
    file = the_one(tmp_path)
    assert file.stat().st_size < 3200
    *_, cut, over = map(json.loads, file.read_bytes().splitlines())
    assert (cut["cut"], over["outcome"]) == (True, "provider_interrupted")
    read(file)


async def test_a_folder_that_can_not_be_written_any_more_costs_no_stream(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    async with (
        upstream(saying(DONE)) as provider,
        running(openai_base_url=provider.base_url, record=str(folder)) as service,
    ):
        folder.rmdir()
        assert "event: done" in await read_stream(service.url + IDEAS)


UNWRITABLE = """
class Words(ListParameters):
    @field_serializer("topic")
    def written(self, topic: str) -> str:
        raise LookupError(topic)
"""


async def test_parameters_that_can_not_be_written_cost_no_stream(tmp_path: Path) -> None:
    schemas, folder = tmp_path / "schemas", tmp_path / "recordings"
    schemas.mkdir()
    serializer = f"from pydantic import field_serializer\n{UNWRITABLE}"
    write(schemas, "words.py", serializer + schema(parameters="Words"))
    answer = HEAD + text('{"items": [{"text": "Tea"}]}') + end()
    async with (
        upstream(saying(answer)) as provider,
        running(
            openai_base_url=provider.base_url, record=str(folder), schemas=(str(schemas),)
        ) as service,
    ):
        with capture_logs() as logs:
            told = await read_stream(f"{service.url}/words?topic={KEY}&count=1")
    assert "event: done" in told
    assert list(folder.iterdir()) == []
    (lost,) = [log for log in logs if log["event"] == "a stream is not recorded"]
    assert KEY not in str(lost)


def test_the_oldest_recordings_go_first_and_nothing_else(tmp_path: Path) -> None:
    for name in ("1.recording.jsonl", "2.recording.jsonl", "3.recording.jsonl", "0.txt"):
        (tmp_path / name).write_bytes(b"x" * 100)
    remove_oldest(tmp_path, 250)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "0.txt",
        "2.recording.jsonl",
        "3.recording.jsonl",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"\n"],
        [b"{}\n"],
        [b"[]\n"],
        [b'{"recording":2}\n'],
        [b'{"recording":1}\n'],
        [b"\xff\n"],
    ],
)
def test_what_is_no_recording_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(RecordingError, match="it is no recording"):
        parse(lines)


async def test_a_recording_of_a_schema_that_is_not_there_is_refused(tmp_path: Path) -> None:
    head = b'{"recording":1,"schema":"poems","schema_version":"0","parameters":{},"models":[]}\n'
    with pytest.raises(RecordingError, match="'poems' is none of SCHEMAS"):
        create_app(Settings(**DEFAULTS), replay=Replay(parse([head])))


@pytest.mark.parametrize(
    ("asked", "way"),
    [
        ({"tools": [{"function": {"strict": True}}]}, ("tools", "strict")),
        ({"tools": [{"input_schema": {}}]}, ("tools", "full")),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"strict": True}}},
            ("json_schema", "strict"),
        ),
        ({"response_format": {"type": "json_object"}}, ("json", "full")),
        ({"output_config": {"format": {}}}, ("json_schema", "strict")),
        ({"system": []}, ("json", "full")),
        ({}, ("md_json", "full")),
    ],
)
def test_a_replay_is_asked_as_the_recorded_model_was(asked: Any, way: tuple[str, str]) -> None:
    assert way_of(asked) == way
