"""`python -m app dev`: a service that follows its schemas' files while they are written.

    files ── poll, twice a second ──> load ──> another app ──> the page loads itself again
                                       └── what can't be served: the last good one stays

An app is never changed. When a file has changed, another app is made, and gets the calls that come
from then on. The one before goes on with the streams that it has, and ends when they have ended.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from app.http.endpoints.assets import WEB, Assets
from app.schemas.entry import SchemaEntry
from app.schemas.registry import SchemaError, folders_of, load
from app.settings import Settings
from app.streams.where_raised import where_raised

POLL_SECONDS: Final = 0.5
"""The time between two checks whether the files have changed."""

HEAD: Final = """\
  <link rel="stylesheet" href="web/dev/dev.css">
    <script type="module" src="web/dev/dev.js"></script>
  """
"""The lines by which the page follows the changes."""

Signature = frozenset[tuple[str, int, int]]
"""Files with their times and sizes, which change when the files do."""

_log = structlog.get_logger("schemas")


class Reloading:
    """The service, made again whenever a schema's file changes. `app` is the ASGI app.

    make: makes an app of settings, a registry, and lines for the page's head
    faults: what `make` raises where somebody can mend it. The message says what to do

    A schema that can't be served is left out, and the log says so. Raises what `make` raises for
    the first app. Whatever it raises later, the last app stays.
    """

    def __init__(
        self, settings: Settings, make: Callable[..., Any], faults: tuple[type[Exception], ...]
    ) -> None:
        self._settings = settings
        self._make = make
        self._known = faults
        self._good: dict[Path, SchemaEntry] = {}
        self._faults: list[dict[str, str]] = []  # as the page is told of them
        self._notified = asyncio.Condition()
        self._process = secrets.token_hex(4)  # a page that meets another one loads itself again
        self._version = 0
        self._is_stopping = False
        self._notices = 0  # how often pages were notified
        self._apps: set[asyncio.Task[None]] = set()
        self._retire = asyncio.Event()
        self._seen = signature(settings)
        self._current = self._make_app()
        self.app = Starlette(routes=[Mount("", app=self._call)], lifespan=self._lifespan)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the schemas that are served now."""
        return tuple(self._current.state.schemas)

    def reread(self) -> None:
        """Read the file of keys again."""
        self._current.state.keys.reread()

    async def drain(self, seconds: float) -> None:
        """Begin no more streams, and end those that still run after this time."""
        self._is_stopping = True
        await self._notify()
        await self._current.state.streams.drain(seconds)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._current(scope, receive, send)

    # -- apps ---------------------------------------------------------------------------------

    def _make_app(self) -> Any:
        """An app that serves the files as they are now. Raises what `load` raises."""
        self._faults = []
        registry = load(*self._settings.schemas, instead=self._last_good)
        app = self._make(self._settings, registry=registry, head=HEAD)
        app.add_route("/dev/changes", self._changes, include_in_schema=False)
        app.mount("/web/dev", Assets(WEB / "dev"))
        self._good = {entry.file: entry for entry in registry}
        _log.info("schemas loaded", schemas=list(registry.names))
        return app

    def _last_good(self, error: SchemaError) -> SchemaEntry | None:
        good = self._good.get(error.file)
        stays = "the last good one stays" if good else "it is left out"
        self._report(f"a schema can't be served: {stays}", error)
        return good

    def _report(self, event: str, error: Exception) -> None:
        """Have the page and the log say what can't be served."""
        place, reason, raised = self._about(error)
        self._faults.append({"place": place, "reason": reason})
        told = {"where": place, "why": reason, "exception": raised}
        _log.error(event, **{name: words for name, words in told.items() if words})

    def _about(self, error: Exception) -> tuple[str, str, str]:
        """The place and the reason of a fault, and where the code failed, if nobody expected it."""
        if isinstance(error, SchemaError):
            return error.place, error.reason, ""
        if isinstance(error, self._known):
            return "", str(error), ""
        words = f"it failed with {type(error).__name__}; the log says where"
        return "", words, where_raised(error)

    async def _start(self, app: Any) -> asyncio.Event:
        """Start an app. It runs until the event is set and its streams have ended.

        Raises what its start raises.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        retire = asyncio.Event()
        task = asyncio.create_task(self._live(app, ready, retire))
        self._apps.add(task)
        task.add_done_callback(self._apps.discard)
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await task
        return retire

    async def _live(self, app: Any, ready: asyncio.Future[None], retire: asyncio.Event) -> None:
        async with app.state.lifespan(app):
            ready.set_result(None)
            await retire.wait()
            await app.state.streams.drain(self._settings.total_timeout)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._retire = await self._start(self._current)
        async with AsyncExitStack() as stack:
            watching = asyncio.create_task(self._watch())
            stack.callback(watching.cancel)
            yield
        for app in self._apps:
            app.cancel()  # each ends its streams
        await asyncio.gather(*self._apps, return_exceptions=True)

    # -- files --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            found = await asyncio.to_thread(signature, self._settings)
            if found != self._seen:
                self._seen = found
                await self._reload()

    async def _reload(self) -> None:
        try:
            app = self._make_app()
            retire = await self._start(app)
        except Exception as error:  # whatever it is, the next change is followed
            self._report("the schemas stay as they were", error)
        else:
            retired, self._retire = self._retire, retire
            self._current = app
            retired.set()
            self._version += 1
        await self._notify()

    async def _notify(self) -> None:
        async with self._notified:
            self._notices += 1
            self._notified.notify_all()

    # -- the page -----------------------------------------------------------------------------

    async def _changes(self, request: Request) -> Response:
        """An event for each change: a version of the schemas, and what can't be served."""
        return EventSourceResponse(self._notices_from_now(), sep="\n")

    async def _notices_from_now(self) -> AsyncIterator[dict[str, str]]:
        while not self._is_stopping:
            seen = self._notices
            told = {"version": f"{self._process}-{self._version}", "faults": self._faults}
            yield {"data": json.dumps(told)}
            async with self._notified:
                while self._notices == seen:
                    await self._notified.wait()


def signature(settings: Settings) -> Signature:
    """The names, times and sizes of the files in the folders of schemas, helpers among them."""
    found = set()
    for folder in folders_of(settings.schemas):
        with suppress(OSError):  # a folder in it has just gone
            for file in folder.rglob("*.py"):
                with suppress(OSError):  # it has just gone
                    state = file.stat()
                    found.add((str(file), state.st_mtime_ns, state.st_size))
    return frozenset(found)
