"""Three browsers, each driven by the commands of W3C WebDriver. https://www.w3.org/TR/webdriver2/

    chromium   chromedriver       the commands over HTTP
    webkit     WebKitWebDriver    the commands over HTTP; MiniBrowser, which it starts, has a window
    firefox    Firefox itself     the same commands over Marionette, its own socket

All are Debian's. Firefox needs no driver of its own, which Debian has not:
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from glob import glob
from pathlib import Path
from typing import Any, Final

from tests.support.chromium import CHROMIUM, OPTIONS
from tests.support.http_client import http_client
from tests.support.sockets import free_port, listens

SECONDS: Final = 60
"""How long a command may take, on a busy machine."""

Send = Callable[[str, dict[str, Any]], Awaitable[Any]]

_PATHS: Final = {
    "Navigate": ("POST", "/url"),
    "Refresh": ("POST", "/refresh"),
    "ExecuteAsyncScript": ("POST", "/execute/async"),
    "TakeScreenshot": ("GET", "/screenshot"),
    "NewWindow": ("POST", "/window/new"),
    "SwitchToWindow": ("POST", "/window"),
    "GetWindowHandle": ("GET", "/window"),
    "CloseWindow": ("DELETE", "/window"),
}
"""The commands that the tests use, by Marionette's names, and how HTTP spells them."""

# What a script that waits does: it answers with the first value that is no blank. The code stands
# in the script, since a page's policy may forbid `eval`.
_UNTIL: Final = """
const answer = arguments[arguments.length - 1];
(function look() {
  const found = %s;
  found ? answer(JSON.stringify(found)) : setTimeout(look, 20);
})();"""

# An error is a value here: of what a script throws, each browser tells something else. Values are
# JSON: of what is no JSON, each browser makes something else.
_EVALUATE: Final = """
const answer = arguments[arguments.length - 1];
(async () => (%s))().then(
  value => answer(JSON.stringify({ value: value ?? null })),
  error => answer(JSON.stringify({ error: String(error) })));"""


class BrowserError(Exception):
    """What a browser or a script has complained of."""


class Browser:
    """A browser with a window."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def open(self, url: str) -> None:
        """Show a page, once it has been loaded."""
        await self._send("Navigate", {"url": url})

    async def reload(self) -> None:
        await self._send("Refresh", {})

    async def run(self, code: str) -> Any:
        """The value of an expression in the page, or of its promise. It must be JSON."""
        found = await self._script(_EVALUATE, code)
        if "error" in found:
            raise BrowserError(found["error"])
        return found["value"]

    async def until(self, code: str) -> Any:
        """Wait until an expression in the page is true, and return its value."""
        return await self._script(_UNTIL, code)

    async def screenshot(self) -> str:
        """The page as a PNG, in base64."""
        return str(await self._send("TakeScreenshot", {}))

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[None]:
        """A new tab, in which pages are shown. It is closed at the end, like by its user."""
        before = await self._send("GetWindowHandle", {})
        found = await self._send("NewWindow", {"type": "tab"})
        await self._send("SwitchToWindow", {"handle": found["handle"]})
        try:
            yield
        finally:
            await self._send("CloseWindow", {})
            await self._send("SwitchToWindow", {"handle": before})

    async def _script(self, script: str, code: str) -> Any:
        given = {"script": script % code, "args": []}
        return json.loads(await asyncio.wait_for(self._send("ExecuteAsyncScript", given), SECONDS))


@asynccontextmanager
async def browser(engine: str) -> AsyncIterator[Browser]:
    """A browser: `chromium`, `firefox` or `webkit`."""
    started = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}[engine]
    async with started() as send:
        yield Browser(send)


# Over HTTP


@asynccontextmanager
async def _chromium() -> AsyncIterator[Send]:
    options = ["--headless", "--disable-gpu", "--no-first-run", *OPTIONS]
    wanted = {"goog:chromeOptions": {"args": options, "binary": CHROMIUM}}
    async with _driven("chromedriver", wanted, dict(os.environ)) as send:
        yield send


@asynccontextmanager
async def _webkit() -> AsyncIterator[Send]:
    [browser] = glob("/usr/lib/*/webkit2gtk-4.1/MiniBrowser")
    wanted = {"webkitgtk:browserOptions": {"binary": browser, "args": ["--automation"]}}
    async with _display() as display:
        environment = {**os.environ, "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"}
        async with _driven("WebKitWebDriver", wanted, environment) as send:
            yield send


@asynccontextmanager
async def _driven(
    program: str, wanted: dict[str, Any], environment: dict[str, str]
) -> AsyncIterator[Send]:
    """A browser that a driver starts."""
    port = free_port()
    async with (
        _process(program, f"--port={port}", environment=environment) as process,
        http_client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client,
    ):
        await _listening(port, process)

        async def ask(method: str, path: str, given: Any = None) -> Any:
            response = await client.request(method, path, json=given)
            value = response.json()["value"]
            if response.is_error:
                raise BrowserError(value)
            return value

        session = await ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        path = f"/session/{session['sessionId']}"

        async def send(command: str, given: dict[str, Any]) -> Any:
            method, name = _PATHS[command]
            return await ask(method, path + name, given if method == "POST" else None)

        try:
            await ask("POST", f"{path}/timeouts", {"script": SECONDS * 1000})
            yield send
        finally:
            await ask("DELETE", path)


@asynccontextmanager
async def _display() -> AsyncIterator[str]:
    """A display that nobody sees."""
    read, write = os.pipe()
    async with AsyncExitStack() as stack:
        stack.callback(os.close, read)
        stack.callback(os.close, write)
        arguments = ("-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp")
        await stack.enter_async_context(_process("Xvfb", *arguments, keep=(write,)))
        # It writes its number once it listens.
        number = await asyncio.to_thread(os.read, read, 16)
        yield f":{number.decode().strip()}"


# Over Marionette


@asynccontextmanager
async def _firefox() -> AsyncIterator[Send]:
    port = free_port()
    with _profile(port) as profile:
        arguments = ("--headless", "--marionette", "--no-remote", "--profile", profile)
        async with _process("firefox-esr", *arguments) as process:
            await _listening(port, process)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                yield await _marionette(reader, writer)
            finally:
                writer.close()


@contextmanager
def _profile(port: int) -> Iterator[str]:
    """A new profile for a Firefox that listens on this port."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder, "user.js").write_text(f'user_pref("marionette.port", {port});\n')
        yield folder


async def _marionette(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Send:
    """A session. A packet is the length of its JSON, a colon, and the JSON."""

    async def read() -> Any:
        length = int((await reader.readuntil(b":"))[:-1])
        return json.loads(await reader.readexactly(length))

    async def send(command: str, given: dict[str, Any]) -> Any:
        packet = json.dumps([0, 1, f"WebDriver:{command}", given]).encode()
        writer.write(b"%d:%s" % (len(packet), packet))
        _, _, error, result = await asyncio.wait_for(read(), SECONDS)
        if error is not None:
            raise BrowserError(error["message"])
        return (
            result["value"] if isinstance(result, dict) and result.keys() == {"value"} else result
        )

    await read()  # it greets
    await send("NewSession", {})
    await send("SetTimeouts", {"script": SECONDS * 1000})
    return send


# Processes


@asynccontextmanager
async def _process(
    program: str,
    *arguments: str,
    environment: dict[str, str] | None = None,
    keep: tuple[int, ...] = (),
) -> AsyncIterator[Process]:
    started = await asyncio.create_subprocess_exec(
        program, *arguments, env=environment, stdout=DEVNULL, stderr=DEVNULL, pass_fds=keep
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await started.wait()


async def _listening(port: int, process: Process) -> None:
    async with asyncio.timeout(SECONDS):
        while not await listens(port):
            assert process.returncode is None, "the browser has ended"
            await asyncio.sleep(0.05)
