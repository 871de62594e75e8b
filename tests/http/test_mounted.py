"""The service inside another app: under a prefix, with the host's own way to know its callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from structlog.testing import capture_logs

from app.main import create_app
from app.settings import Settings
from tests.support.events import messages
from tests.support.http_client import http_client
from tests.support.schema_files import FOLDER
from tests.support.service import eventually


def service(root_path: str = "", **options: Any) -> FastAPI:
    settings = Settings(
        schemas=(str(FOLDER),), demo_tokens_per_second=0, root_path=root_path, cors_origins=()
    )
    return create_app(settings, **options)


def host(streams: FastAPI) -> FastAPI:
    app = FastAPI(lifespan=streams.state.lifespan)
    app.mount("/ai", streams)

    @app.get("/own")
    async def own() -> str:
        return "the host's"

    return app


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The host on a real socket, under a uvicorn that knows nothing of the service."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started or serving.done())
        port = server.servers[0].sockets[0].getsockname()[1]
        async with http_client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize("root_path", ["", "/ai"])
async def test_it_works_under_the_prefix_with_its_errors_and_documents(root_path: str) -> None:
    async with served(host(service(root_path))) as client:
        answer = await client.post("/ai/ideas?resumable=true", json={"topic": "tea", "count": 2})
        assert messages(answer.content)[-1].event == "done"
        assert answer.headers["location"].startswith("/ai/streams/")
        again = await client.get(answer.headers["location"])
        assert messages(again.content)[-1].event == "done"
        refused = await client.post("/ai/ideas", json={})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        unknown = (await client.get("/ai/ideaz")).json()
        assert (unknown["code"], "ideas" in unknown["detail"]) == ("unknown_schema", True)
        assert (await client.get("/ai/a/b")).json()["code"] == "not_found"
        page = (await client.get("/ai/")).text
        assert '<base href="/ai/">' in page
        assert (await client.get("/ai/web/playground/main.js")).status_code == 200
        assert (await client.get("/ai/docs/assets/start.js")).status_code == 200
        document = (await client.get("/ai/openapi.json")).json()
        assert document["servers"] == [{"url": "/ai"}]
        assert (await client.get("/own")).json() == "the host's"
        assert (await client.get("/nothing")).json() == {"detail": "Not Found"}
        assert list((await client.get("/openapi.json")).json()["paths"]) == ["/own"]


async def test_a_reader_that_leaves_stops_the_model() -> None:
    streams = service()
    async with served(host(streams)) as client:
        url = "/ai/ideas?topic=tea&model=demo-stall"
        async with client.stream("GET", url) as response:
            await anext(response.aiter_bytes())
            assert len(streams.state.streams) == 1
        await eventually(lambda: not len(streams.state.streams))


async def test_without_its_lifespan_a_call_fails_and_the_log_says_why() -> None:
    app = FastAPI()
    app.mount("/ai", service())
    with capture_logs() as log:
        async with served(app) as client:
            answer = await client.get("/ai/ideas?topic=tea")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    [line] = log
    assert "the app's lifespan was not begun: see docs/your-app.md" in line["exception"]


async def test_a_fault_is_logged_with_its_place_alone_whoever_writes_the_log() -> None:
    """A renderer of the host's might write an exception's words, and the values of variables."""

    def broken(request: Request) -> str:
        raise ValueError(request.headers["cookie"])

    with capture_logs() as log:
        async with served(host(service(authenticate=broken))) as client:
            answer = await client.get("/ai/ideas?topic=tea", headers={"Cookie": "session=3f9a"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    [line] = log
    assert line["event"] == "a request broke"
    assert "in broken" in line["exception"]
    assert "3f9a" not in str(line)
    assert "exc_info" not in line


def known(request: Request) -> str | None:
    match request.headers.get("cookie"):
        case "session=amara":
            return "amara@example.com"
        case "session=blocked":
            raise HTTPException(403)
        case "session=greedy":
            raise HTTPException(429)
        case "session=odd":
            return ""
        case _:
            return None


async def known_later(request: Request) -> str | None:
    await asyncio.sleep(0)
    return known(request)


@pytest.mark.parametrize("authenticate", [known, known_later])
async def test_the_host_s_way_to_know_callers_takes_the_place_of_keys(authenticate: Any) -> None:
    streams = service(authenticate=authenticate)
    async with served(host(streams)) as client:

        async def call(session: str, path: str = "/ai/ideas?topic=tea&resumable=true") -> Any:
            return await client.get(path, headers={"Cookie": f"session={session}"})

        mine = await call("amara")
        assert messages(mine.content)[-1].event == "done"
        place = mine.headers["location"]
        assert (await call("amara", place)).status_code == 200
        stranger = await client.get(place)
        assert (stranger.status_code, stranger.json()["code"]) == (401, "unauthorized")
        found = {name: await call(name) for name in ("blocked", "greedy", "odd", "nobody")}
        codes = {name: (it.status_code, it.json()["code"]) for name, it in found.items()}
        assert codes == {
            "blocked": (403, "forbidden"),
            "greedy": (429, "rate_limited"),
            "odd": (500, "internal"),
            "nobody": (401, "unauthorized"),
        }
        assert (await client.post("/ai/tickets", json={})).status_code == 404
        document = (await client.get("/ai/openapi.json")).json()
        assert "/tickets" not in document["paths"]


async def test_a_stream_belongs_to_the_caller_that_the_host_knows() -> None:
    def by_header(request: Request) -> str | None:
        return request.headers.get("x-user")

    async with served(host(service(authenticate=by_header))) as client:
        url = "/ai/ideas?topic=tea&resumable=true"
        mine = await client.get(url, headers={"X-User": "amara"})
        other = await client.get(mine.headers["location"], headers={"X-User": "jonas"})
    assert (other.status_code, other.json()["code"]) == (404, "stream_not_found")


def test_keys_and_a_way_of_the_host_s_exclude_each_other() -> None:
    settings = Settings(schemas=(str(FOLDER),), api_keys=(f"web={'0' * 64}",))
    with pytest.raises(ValueError, match="takes the place of keys"):
        create_app(settings, authenticate=known)


def test_who_a_host_knows_is_no_label_of_a_metric() -> None:
    settings = Settings(schemas=(str(FOLDER),), caller_metrics=True)
    with pytest.raises(ValueError, match="unset CALLER_METRICS"):
        create_app(settings, authenticate=known)


async def test_an_open_service_answers_at_loopback_addresses_alone() -> None:
    """Another server may listen elsewhere than HOST says."""
    for allowed, address, status in [
        (False, "192.0.2.7", 403),
        (False, "127.0.0.1", 200),
        (True, "192.0.2.7", 200),
    ]:
        settings = Settings(
            schemas=(str(FOLDER),), demo_tokens_per_second=0, allow_open=allowed,
            allowed_hosts=("192.0.2.7",),
        )  # fmt: skip
        app = create_app(settings)
        async with (
            app.state.lifespan(app),
            http_client(transport=httpx.ASGITransport(app), base_url=f"http://{address}") as client,
        ):
            answer = await client.get("/ideas?topic=tea", headers={"Accept": "application/json"})
        assert answer.status_code == status, (allowed, address)
        if status == 403:
            assert "API_KEYS" in answer.json()["detail"]
