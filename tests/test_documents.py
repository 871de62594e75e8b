"""Every sample of the documents is run: here, or by the test that a table names."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.demo import MODELS as DEMO_MODELS
from tests.support.command import invoked
from tests.support.documents import ROOT, commands, samples, text_of
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.process import environment
from tests.support.program import printed
from tests.support.service import Service, eventually, running
from tests.support.sockets import free_port, listens

BLOCKS = {
    ("README.md", "dockerfile"): "tests/test_packaging.py",
    ("deploy/README.md", "caddyfile"): "tests/deploy/test_others.py",
    ("deploy/README.md", "haproxy"): "tests/deploy/test_others.py",
    ("docs/callers.md", "js"): "tests/e2e/test_live_front_ends.py",
    ("docs/providers.md", "toml"): "tests/providers/test_providers_page.py",
    ("docs/reading.md", "python"): "tests/clients/python/test_package.py",
    ("docs/reading.md", "js"): "tests/browsers/test_samples.py",
    ("docs/reading.md", "jsx"): "tests/browsers/test_samples.py",
    ("docs/schemas.md", "python"): "tests/schemas/test_documented_example.py",
    ("docs/your-app.md", "python"): "tests/test_documents.py",
    ("docs/your-app.md", "caddy"): "tests/test_documents.py",
    ("clients/js/README.md", "js"): "clients/tests/packages.test.js",
    ("clients/js/README.md", "ts"): "clients/tests/packages.test.js",
    ("clients/react/README.md", "jsx"): "clients/tests/packages.test.js",
    ("clients/python/README.md", "python"): "tests/clients/python/test_package.py",
}
"""Which test runs the blocks of a language in a document."""

FRONT_ENDS = {"docs/front-ends.md"}
"""Its blocks are those of pages and scripts that `tests/e2e/test_front_ends.py` runs."""

NOT_RUN = {"text", "yaml"}
"""Output, and the settings of a proxy that isn't installed here."""

COMMANDS = {
    r"git clone .+": "README.md",
    r"(\w+=\S+ )*make( \w+=\S+)*( [a-z][a-z-]*)+( \w+=\S+)*": "Makefile",
    r"python -m app": "tests/test_command.py",
    r"docker build .+": "tests/test_packaging.py",
    r"npm ci --prefix clients && npm pack .+": "clients/tests/packages.test.js",
    r"pip install \./clients/python": "tests/clients/python/test_package.py",
    r"cd deploy|cp service\.env\.example .+|mkdir tls|docker compose .+": "deploy/compose.yaml",
    r"(uvicorn|fastapi run|gunicorn|hypercorn) .+": "tests/e2e/test_other_servers.py",
    r"pip install --require-hashes -r \.\./structured-streams/requirements\.lock": "Makefile",
    r"PYTHONPATH=\.\./structured-streams uvicorn main:app": "tests/test_documents.py",
    r"ROOT_PATH=/ai PORT=8000 python -m app": "tests/test_documents.py",
    r"curl .+": "tests/test_documents.py",
    r"password=.+|hash=.+|sed .+|chmod 600 .+": "tests/deploy/test_store.py",
    r"kubectl apply .+": "tests/deploy/test_kubernetes.py",
    r"cd deploy/prometheus && .+": "tests/telemetry/test_prometheus.py",
    r"pip install opentelemetry-.+": "pyproject.toml",
    r"TRACES=true .+": "tests/traces/test_spans.py",
    r"RECORD=recordings python -m app": "tests/recordings/test_recordings.py",
    r"schemas/ideas.+": "tests/schemas/test_versions_side_by_side.py",
    r"a page of another origin was refused .+": "tests/http/endpoints/test_cors.py",
    r"(\.venv/bin/)?python -m app check.*": "tests/terminal/test_check.py",
    r"python -m app try .+": "tests/terminal/test_trial.py",
    r"python -m app (replay|demo) .+": "tests/recordings/test_recordings.py",
    r"(\.venv/bin/)?python -m app .+": "tests/test_documents.py",
    r"python -m (bench|pytest).*": "Makefile",
    r"(models\.toml|my-model).*": "tests/providers/test_providers_page.py",
}
"""Which test runs a command; or, for those that set up a machine, the file that has it."""


def test_each_block_has_a_test_that_runs_it() -> None:
    for page, language, text in samples():
        if language in NOT_RUN or page in FRONT_ENDS:
            continue
        assert (page, language) in BLOCKS, f"{page}: nobody runs\n{text}"
        assert (ROOT / BLOCKS[page, language]).is_file()


def test_each_command_has_a_test_that_runs_it() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    for page, command in commands():
        found = [where for what, where in COMMANDS.items() if re.fullmatch(what, command)]
        assert found, f"{page}: nobody runs {command}"
        assert (ROOT / found[0]).exists()
        for target in re.findall(r" ([a-z-]+)\b(?!=)", command.partition("make")[2]):
            assert target in targets, f"{page}: there is no make {target}"


def test_each_link_in_a_document_leads_somewhere() -> None:
    for page in {page for page, _, _ in samples()} | {page for page, _ in commands()}:
        for link in re.findall(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)", text_of(page)):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"


# -- curl, and the commands --------------------------------------------------------------------

KEY = "sk_documented"
CURLS = sorted({command for _, command in commands() if command.startswith("curl ")})
SHIPPED = str(ROOT / "schemas")


async def test_each_curl_gets_an_answer(tmp_path: Path) -> None:
    example = next(text for page, _, text in samples() if page == "docs/schemas.md")
    (tmp_path / "trips.py").write_text(example, encoding="utf-8")
    folders = (SHIPPED, str(tmp_path))
    keys = (f"web={sha256(KEY.encode()).hexdigest()}",)
    secret = "0123456789abcdef0123456789abcdef"
    assert len(CURLS) >= 5
    async with (
        running(schemas=folders, model="demo") as service,
        running(schemas=folders, model="demo", api_keys=keys, ticket_secret=secret) as keyed,
    ):
        for command in CURLS:
            called = keyed if "X-API-Key" in command else service
            told = re.sub(r"(localhost|127\.0\.0\.1):8000", called.url.partition("//")[2], command)
            answer = await printed(*shlex.split(told.replace("sk_…", KEY)), "-sS", "--fail")
            assert "event: done" in answer or '"ticket":' in answer or '"tasks":' in answer, command


APP = {}
for _, command in commands():
    found = re.match(r"(?:\.venv/bin/)?python -m app (?!check|try|replay|demo|dev)(\w+)", command)
    if found:
        APP.setdefault(found[1], command)


@pytest.mark.parametrize("command", APP.values(), ids=APP)
async def test_each_command_of_the_service_does_what_it_says(command: str, tmp_path: Path) -> None:
    arguments = shlex.split(command.partition(" -m app ")[2])
    if "NAME" in arguments:
        arguments[arguments.index("NAME")] = "trips"
    settings = {"SCHEMAS": str(tmp_path) if arguments[0] == "new" else SHIPPED, "MODELS": "demo"}
    async with running(schemas=(SHIPPED,), model="demo") as service:
        found = await invoked(*arguments, STRUCTURED_STREAMS_URL=service.url, **settings)
    assert found.code == 0, found.said
    assert found.out


# -- docs/demo-model.md ------------------------------------------------------------------------


def test_each_model_of_the_demo_is_described() -> None:
    described = re.findall(r"`(demo-[a-z0-9-]+)`", text_of("docs/demo-model.md"))
    assert sorted(described) == sorted(DEMO_MODELS[1:])


# -- docs/schemas.md ---------------------------------------------------------------------------


async def test_what_schemas_do_before_and_after_runs(tmp_path: Path) -> None:
    _, fragment, letters = (t for page, _, t in samples() if page == "docs/schemas.md")
    (tmp_path / "letters.py").write_text(letters, encoding="utf-8")
    assert "class LetterParameters(Parameters):\n    topic: " in fragment
    other = letters.replace("class LetterParameters(Parameters):\n", fragment, 1)
    (tmp_path / "other.py").write_text(other, encoding="utf-8")
    async with (
        running(schemas=(str(tmp_path),), model="demo") as service,
        http_client(base_url=service.url, timeout=30) as client,
    ):
        body = {"topic": "the delay of an order", "customer": "amara"}
        answer = await client.post("/letters", json=body)
        kept = sys.modules["schemas.letters"].KEPT
        await eventually(lambda: kept)
        without = await client.post("/other", json={"customer": "amara"})
    done = messages(answer.content)[-1]
    assert kept == [(str(done.id).split("-")[0], done.data["subject"])]
    assert messages(without.content)[-1].event == "done"


# -- docs/your-app.md --------------------------------------------------------------------------

NAME = "structured-streams"
HOSTS = [text for page, kind, text in samples() if (page, kind) == ("docs/your-app.md", "python")]


@pytest.mark.parametrize("source", HOSTS, ids=["mounted", "lifespan", "authenticate"])
async def test_the_service_is_mounted_as_the_document_says(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_TOKENS_PER_SECOND", "0")
    found: dict[str, Any] = {}
    exec(compile(source, "your-app.md", "exec"), found)
    app = found["app"]
    knows = "authenticate" in found
    async with (
        app.router.lifespan_context(app),
        http_client(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=30
        ) as client,
    ):
        cookies = {"Cookie": "session=3f9a"} if knows else {}
        body = {"topic": "tea", "count": 1}
        answer = await client.post("/ai/ideas", json=body, headers=cookies)
        assert messages(answer.content)[-1].event == "done"
        assert (await client.get("/ai/docs")).status_code == 200
        assert (await client.post("/ai/ideas", json=body)).status_code == (401 if knows else 200)
        blocked = await client.post("/ai/ideas", json=body, headers={"X-Blocked": "1"})
        assert blocked.status_code == (403 if knows else 200)


async def test_an_app_in_a_folder_of_its_own_finds_the_service(tmp_path: Path) -> None:
    [command] = [command for _, command in commands() if command.startswith("PYTHONPATH=")]
    path, _, run = command.partition(" ")
    assert path == f"PYTHONPATH=../{NAME}"
    (tmp_path / NAME).symlink_to(ROOT)
    own = tmp_path / "own"
    own.mkdir()
    (own / "main.py").write_text(HOSTS[0], encoding="utf-8")
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *run.split(), "--port", str(port)),
        cwd=own,
        env=environment(PYTHONPATH=path.partition("=")[2]),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while not await listens(port):
                assert server.returncode is None
                await asyncio.sleep(0.05)
        async with http_client(timeout=60) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/ai/readyz", timeout=30)
        assert answer.status_code == 200
    finally:
        server.kill()
        await server.wait()


@asynccontextmanager
async def host(port: int) -> AsyncIterator[None]:
    """An app of somebody else's."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhost")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield


@asynccontextmanager
async def beside(service: Service, folder: Path) -> AsyncIterator[str]:
    """Caddy with the document's lines, before the service and an app."""
    [lines] = [text for page, kind, text in samples() if kind == "caddy"]
    own, front = free_port(), free_port()
    ports = {"8080": front, "8000": service.url.rsplit(":", 1)[1], "3000": own}
    for documented, real in ports.items():
        lines = lines.replace(f":{documented}", f":{real}")
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + lines, encoding="utf-8")
    command = ("caddy", "run", "--adapter", "caddyfile", "--config", str(file))
    quiet = asyncio.subprocess.DEVNULL
    proxy = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        async with host(own):
            async with asyncio.timeout(30):
                while not await listens(front):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            yield f"http://localhost:{front}"
    finally:
        proxy.kill()
        await proxy.wait()


async def test_it_runs_beside_an_app_behind_one_proxy(tmp_path: Path) -> None:
    async with (
        running(root_path="/ai", model="demo") as service,
        beside(service, tmp_path) as url,
        http_client(base_url=url, timeout=30) as client,
    ):
        assert (await client.get("/anything")).text == "host"
        assert '<base href="/ai/">' in (await client.get("/ai/")).text
        async with client.stream("GET", "/ai/ideas?topic=tea&model=demo-stall") as response:
            await anext(response.aiter_bytes())  # nothing is gathered
            assert response.headers["location"].startswith("/ai/streams/")
        await eventually(lambda: not len(service.streams))
