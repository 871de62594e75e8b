"""The reverse proxies of `deploy/`, as processes in front of a service."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.sockets import free_port, listens

DEPLOY = Path(__file__).parents[2] / "deploy"
SECONDS = 10
PROGRAMS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Front:
    """A proxy.

    url: where it serves, with TLS
    plain_port: where it serves without TLS
    ca: the file with the certificate that signs for it
    said: what it has printed
    """

    def __init__(self, folder: Path) -> None:
        self.port = port = free_port()
        self.plain_port = free_port()
        self.url = f"https://localhost:{port}"
        self.ca = folder / "fullchain.pem"
        self.output = folder / "output"

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def said(self) -> str:
        return self.output.read_text()


def changed(text: str, *changes: tuple[str, str]) -> str:
    """A configuration in which these texts are replaced. Each must be in the configuration."""
    for old, new in changes:
        assert old in text, f"the configuration has no {old!r}"
        text = text.replace(old, new)
    return text


async def certificate(folder: Path) -> None:
    """Make a self-signed certificate for localhost: `fullchain.pem` and `privkey.pem`."""
    making = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")),
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    assert await making.wait() == 0


@asynccontextmanager
async def nginx(
    service: str, folder: Path, *changes: tuple[str, str], before: tuple[str, ...] = ()
) -> AsyncIterator[Front]:
    """Run `deploy/nginx/nginx.conf` in front of the service at this address.

    Ports, paths and the service's address are replaced in it and in the files that it includes,
    and the texts of `changes`.

    before: a command that executes the command after it, as `setpriv` does
    """
    front = Front(folder)
    await certificate(folder)
    files = sorted((DEPLOY / "nginx").glob("*.conf"))
    text = changed(
        SEPARATOR.join(file.read_text() for file in files),
        ("listen 80;", f"listen 127.0.0.1:{front.plain_port};"),
        ("listen 443 ", f"listen 127.0.0.1:{front.port} "),
        ("service:8000;", f"{service.removeprefix('http://')};"),
        ("/etc/tls/", f"{folder}/"),
        ("worker_processes auto;", f"worker_processes 1; pid {folder}/pid; daemon off;"),
        ("/dev/stdout", str(front.output)),
        ("http {", "http { " + "".join(f"{k}_temp_path {folder}/{k}; " for k in TEMPORARY)),
        *changes,
    )
    for file, part in zip(files, text.split(SEPARATOR), strict=True):
        (folder / file.name).write_text(part)
    # Until nginx has read its configuration, it would log to a file of its own.
    arguments = ("nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf"))
    async with _running(front, *before, *arguments):
        yield front


def snippet(language: str, holding: str = "") -> str:
    """The configuration in this language in `deploy/README.md`, which holds this word."""
    text = (DEPLOY / "README.md").read_text()
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return next(block for block in blocks if holding in block)


@asynccontextmanager
async def caddy(service: str, folder: Path, *changes: tuple[str, str]) -> AsyncIterator[Front]:
    """Run Caddy with the README's Caddyfile. The arguments are those of `nginx`."""
    front = Front(folder)
    await certificate(folder)
    text = changed(
        snippet("caddyfile"),
        ("{\n\tservers", f"{{\n\tadmin off\n\thttp_port {front.plain_port}\n\tservers"),
        ("api.example.com {", f"https://localhost:{front.port} {{\n\ttls {TLS}"),
        ("CERTIFICATES", str(folder)),
        ("service:8000", service.removeprefix("http://")),
        *changes,
    )
    (folder / "Caddyfile").write_text(text)
    arguments = ("--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    async with _running(front, "caddy", "run", *arguments, HOME=str(folder)):
        yield front


@asynccontextmanager
async def haproxy(service: str, folder: Path, *changes: tuple[str, str]) -> AsyncIterator[Front]:
    """Run HAProxy with the README's configuration. The arguments are those of `nginx`."""
    front = Front(folder)
    await certificate(folder)
    both = front.ca.read_text() + (folder / "privkey.pem").read_text()
    (folder / "site.pem").write_text(both)
    text = changed(
        snippet("haproxy"),
        ("bind :443", f"bind 127.0.0.1:{front.port}"),
        ("/etc/haproxy/", f"{folder}/"),
        ("service:8000", service.removeprefix("http://")),
        *changes,
    )
    (folder / "haproxy.cfg").write_text(text)
    async with _running(front, "haproxy", "-db", "-f", str(folder / "haproxy.cfg")):
        yield front


TLS = "CERTIFICATES/fullchain.pem CERTIFICATES/privkey.pem"
SEPARATOR = "\n# -- the next file --\n"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@asynccontextmanager
async def _running(front: Front, *command: str, **more: str) -> AsyncIterator[None]:
    """A program that serves at `front.port`."""
    with front.output.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=STDOUT, env={**os.environ, "PATH": PROGRAMS, **more}
        )
    try:
        async with asyncio.timeout(SECONDS):
            while not await listens(front.port):
                assert process.returncode is None, front.said
                await asyncio.sleep(0.01)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
