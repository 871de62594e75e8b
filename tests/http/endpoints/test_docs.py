"""The documentation page: all of it ours, under any prefix, and it works in a browser."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from app.http.endpoints.docs import FOLDER, mount_docs
from app.http.openapi import openapi
from tests.support.chromium import HEADLESS
from tests.support.http_client import http_client
from tests.support.schema_files import REGISTRY


def create(root_path: str = "") -> FastAPI:
    app = FastAPI(redirect_slashes=False, openapi_url=None, docs_url=None)
    document = openapi(REGISTRY, ["demo"], version="1.2.3", root_path=root_path)
    app.add_api_route("/openapi.json", lambda: document)
    mount_docs(app)
    return app


def client(root_path: str = "") -> httpx.AsyncClient:
    """A client whose requests come through a proxy that takes the prefix away."""
    transport = httpx.ASGITransport(create(root_path), root_path=root_path)
    return http_client(timeout=60, transport=transport, base_url="http://docs.test")


class Links(HTMLParser):
    """The addresses in a page, and what no strict policy allows."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self._script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.addresses += [str(names[name]) for name in ("src", "href") if name in names]
        self.inline += [name for name in names if name.startswith("on") or name == "style"]
        self._script = tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._script = False


async def test_the_page_loads_only_what_we_serve() -> None:
    async with client() as http:
        page = await http.get("/docs")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        links = Links(page.text)
        assert len(links.addresses) == 7
        links.addresses.remove("./")  # the playground, which this app has not
        for address in links.addresses:
            assert not urlsplit(address).netloc
            assert not address.startswith("/"), "it would leave the prefix"
            found = await http.get(urljoin("/docs", address))
            assert found.status_code == 200, address


async def test_the_page_has_a_strict_policy_and_nothing_inline() -> None:
    async with client() as http:
        page = await http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert Links(page.text).inline == []


@pytest.mark.parametrize("prefix", ["", "/llm"])
async def test_a_slash_too_many_leads_to_the_page(prefix: str) -> None:
    async with client(prefix) as http:
        answer = await http.get("/docs/")
        assert answer.status_code == 307
        assert answer.headers["location"] == f"{prefix}/docs"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("start.js", "text/javascript; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("vendor/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("vendor/favicon-32x32.png", "image/png"),
    ],
)
async def test_an_asset_is_sent_once_and_then_only_asked_for(name: str, media_type: str) -> None:
    async with client() as http:
        first = await http.get(f"/docs/assets/{name}")
        assert first.status_code == 200
        assert first.headers["content-type"] == media_type
        assert first.headers["x-content-type-options"] == "nosniff"
        assert first.headers["cache-control"] == "no-cache"
        again = await http.get(
            f"/docs/assets/{name}", headers={"If-None-Match": first.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["nothing.js", "", "vendor", "../docs.py", "%2e%2e/docs.py"])
async def test_there_is_nothing_else_among_the_assets(path: str) -> None:
    async with client() as http:
        assert (await http.get(f"/docs/assets/{path}")).status_code == 404


def test_what_we_carry_of_swagger_ui_is_unchanged_and_has_its_licences() -> None:
    vendor = FOLDER / "vendor"
    sums = dict(line.split()[::-1] for line in (vendor / "SHA256SUMS").read_text().splitlines())
    assert {path.name for path in vendor.iterdir()} == {*sums, "SHA256SUMS"}
    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} <= set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name


# In a browser


@pytest.fixture
def address() -> Iterator[str]:
    """A server with the page, under a prefix."""
    app = Starlette(routes=[Mount("/llm", create("/llm"))])
    config = uvicorn.Config(app, port=0, ws="none", log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/llm"
    finally:
        server.should_exit = True
        thread.join()


def browse(address: str, profile: Path) -> tuple[str, list[str]]:
    """The page as a browser without a network shows it, and what it has to say of it."""
    run = subprocess.run(
        [
            *(*HEADLESS, f"--user-data-dir={profile}", "--enable-logging=stderr"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            *("--virtual-time-budget=10000", "--dump-dom", address),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def test_a_browser_shows_every_operation_and_has_nothing_to_complain_of(
    address: str, tmp_path: Path
) -> None:
    page, complaints = browse(f"{address}/docs", tmp_path)
    assert complaints == []
    for path in ("/ideas", "/streams", "/schemas/{name}", "/metrics"):
        assert f'data-path="{path}"' in page
    assert '<option value="/llm">' in page
