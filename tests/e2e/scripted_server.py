"""A server that plays a scripted log through the views for other front ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn
from pydantic import BaseModel

from app.errors import OutputInvalid
from app.partial.decoder import Decoder
from app.partial.plan import plan
from app.streams.log_entry import Done, Failed, LogEntry, Restart, Usage
from app.views.ag_ui import AgUiView
from app.views.format import Format
from app.views.posted_body import PostedBody
from app.views.specs import VIEWS
from app.views.text import TextView
from app.views.ui_message import UiMessageView
from app.views.view import View
from tests.e2e.clients import front_ends
from tests.views.scripted import ScriptedRun


class Idea(BaseModel):
    title: str
    score: int
    tags: dict[str, int]


PLAN = plan(list[Idea])
VALUE = [
    {"title": 'Tea\n\ndata: "☕" 🍵', "score": 3, "tags": {"a/b~c": 1}},
    {"title": "Kaffee", "score": 12, "tags": {}},
]
DETAILS = [{"path": "/0/score", "message": "must be a whole number"}]


def decoded(text: str) -> Iterator[list[LogEntry]]:
    """The log of one attempt, by pieces of three characters."""
    decoder = Decoder(PLAN, key="items")
    for at in range(0, len(text), 3):
        yield [*decoder.feed(text[at : at + 3])]


WHOLE = [*decoded(json.dumps({"items": VALUE}))]
BEGUN = WHOLE[:8]
SCRIPTS: dict[str, list[list[LogEntry]]] = {
    "done": [*WHOLE, [Usage(20, 30, 1), Done()]],
    "restart": [*BEGUN, [Restart(2, "output_invalid", DETAILS)], *WHOLE, [Done()]],
    "failed": [*BEGUN, [Usage(20, 30, 3), Failed.of(OutputInvalid(errors=DETAILS))]],
}


class Server:
    """Plays a script to any view: `POST /{view}/{script}`. `asked`: the parameters of the last."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: Any = None
        self.reported: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        match scope["path"].strip("/").split("/"):
            case ["report"]:
                self.reported.set_result(json.loads(body))
                await _answer(send, {"content-type": "text/plain"}, b"")
            case ["index.html"]:
                page = (front_ends / "page" / "index.html").read_bytes()
                await _answer(send, {"content-type": "text/html"}, page)
            case ["main.js"]:
                code = (front_ends / "build" / "main.js").read_bytes()
                await _answer(send, {"content-type": "text/javascript"}, code)
            case [name, script] if script in SCRIPTS:
                await self._play(send, name, json.loads(body), SCRIPTS[script])

    async def _play(self, send: Any, name: str, body: Any, script: list[list[LogEntry]]) -> None:
        spec = VIEWS[name]
        assert spec.format is not None
        posted = spec.read_body(body)
        self.asked = posted.parameters
        headers = {"content-type": spec.format.media_type, **spec.format.headers}
        await _answer(send, headers, None)
        async for chunk in _played(_view(name, posted), spec.format, script):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _view(name: str, posted: PostedBody) -> View:
    if name == "text":
        return TextView(PLAN)
    if name == "ui-message":
        return UiMessageView("q1", PLAN, "m1")
    return AgUiView("q1", PLAN, **posted.ids)


async def _played(
    view: View, format: Format, script: Sequence[list[LogEntry]]
) -> AsyncIterator[bytes]:
    run = ScriptedRun()
    yield format.heartbeat
    yield format.encode(*view.start(run, 0))
    for batch in script:
        run.write(batch)
        for message in view.messages(run, batch, run.position):
            yield format.encode(message)
        await asyncio.sleep(0.005)


async def _answer(send: Any, headers: dict[str, str], body: bytes | None) -> None:
    pairs = [(key.encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    if body is not None:
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    app = Server()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(cast(Any, app), lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield app
        finally:
            server.should_exit = server.force_exit = True
            await task
